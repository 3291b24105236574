import { mkdir, rmdir } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { inParallel, until, Workplace } from '../support/servers/collector.js';

let workplace: Workplace;

beforeEach(async () => {
  workplace = await Workplace.create();
});

afterEach(() => workplace.remove());

const COUNT = 10_000;
const PER_FORM = COUNT / 5;

function post(
  url: string,
  contentType: string,
  body: string | Uint8Array<ArrayBuffer>,
  encoding?: string,
): Promise<Response> {
  return fetch(`${url}/collect`, {
    method: 'POST',
    body,
    headers: { 'content-type': contentType, ...(encoding && { 'content-encoding': encoding }) },
  });
}

async function expectAccepted(response: Response, count: number): Promise<void> {
  expect({ status: response.status, body: await response.json() }).toEqual({
    status: 202,
    body: { status: 'ok', accepted: count },
  });
  expect(response.headers.get('x-gotrack-accepted')).toBe(String(count));
}

const event = (form: string, index: number): object => ({
  event_id: `${form}-${index}`,
  props: { text: 'naïve — "quoted" \u2028 \\u0000 \u0000', index },
});

describe('delivery', () => {
  it('brings 10,000 events of every form into the log, each once', async () => {
    const collector = await workplace.start();
    const { url } = collector;
    const batches = (form: string, size: number): (readonly object[])[] =>
      Array.from({ length: PER_FORM / size }, (_, batch) =>
        Array.from({ length: size }, (__, index) => event(form, batch * size + index)),
      );

    await inParallel(16, [
      ...Array.from({ length: PER_FORM }, (_, index) => async () => {
        const response = await fetch(`${url}/px.gif?event_id=pixel-${index}&e=view`);
        expect(response.status).toBe(200);
        await response.arrayBuffer();
      }),
      ...batches('single', 1).map(([single]) => async () => {
        await expectAccepted(await post(url, 'application/json', JSON.stringify(single)), 1);
      }),
      ...batches('array', 50).map((batch) => async () => {
        await expectAccepted(
          await post(url, 'application/json', JSON.stringify(batch)),
          batch.length,
        );
      }),
      ...batches('ndjson', 100).map((batch) => async () => {
        const lines = batch.map((each) => JSON.stringify(each)).join('\n');
        await expectAccepted(
          await post(url, 'application/x-ndjson', gzipSync(lines), 'gzip'),
          batch.length,
        );
      }),
      ...batches('beacon', 20).map((batch) => async () => {
        await expectAccepted(
          await post(url, 'text/plain;charset=UTF-8', JSON.stringify(batch)),
          batch.length,
        );
      }),
    ]);
    await collector.drained();

    const ids = (await workplace.logged()).map(({ event_id }) => event_id);
    const forms = ['pixel', 'single', 'array', 'ndjson', 'beacon'];
    const sent = forms.flatMap((form) =>
      Array.from({ length: PER_FORM }, (_, index) => `${form}-${index}`),
    );
    expect(ids.toSorted()).toEqual(sent.toSorted());
    expect(await collector.metric('gotrack_events_ingested_total', { sink: 'log' })).toBe(COUNT);
    expect(await collector.metric('gotrack_ledger_events', { state: 'delivered' })).toBe(COUNT);
    expect(await collector.metric('gotrack_events_accepted_total')).toBe(COUNT);
    expect(await collector.metric('gotrack_events_received_total')).toBe(COUNT);
  });

  it('starts without its sink, and delivers once the sink is there', async () => {
    await mkdir(workplace.path('data', 'events.ndjson'), { recursive: true });
    const collector = await workplace.start();
    await expectAccepted(await post(collector.url, 'application/json', '{"event_id":"early"}'), 1);
    const degraded = await fetch(`${collector.url}/readyz`);
    expect(degraded.status).toBe(200);

    await rmdir(workplace.path('data', 'events.ndjson'));
    await collector.drained();
    expect((await workplace.logged()).map(({ event_id }) => event_id)).toEqual(['early']);
  });

  it('keeps stdout for events, is not ended by SIGHUP, and logs no request', async () => {
    const collector = await workplace.start({ LOG_PATH: 'stdout' });
    const lines = collector.log.length;
    collector.signal('SIGHUP');
    await expectAccepted(await post(collector.url, 'application/json', '{"event_id":"out"}'), 1);
    await (await fetch(`${collector.url}/nowhere`)).arrayBuffer();
    await until(() => collector.output.length === 1);
    expect(JSON.parse(collector.output[0] ?? '')).toMatchObject({ event_id: 'out' });
    expect(collector.log.slice(lines).filter((line) => !line.includes('"Sink log"'))).toEqual([]);
  });
});
