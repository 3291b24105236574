import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { RecordingObserver } from '../../test/support/fakes/recording-observer.js';
import type { Fields } from '../event/fields.js';
import { createSanitizer } from '../event/sanitize.js';
import { LONG, resultOf } from '../event/work.js';
import { AdmissionOptions } from './admission/admission.options.js';
import { apiKeys } from './admission/api-key.js';
import { ClientEvent } from './client-event.js';
import { parseEvents } from './collect/parse-events.js';
import { LargeElement } from './elements.js';
import { Enrichment } from './enrichment/enrichment.js';
import { IngestionOptions } from './ingestion.options.js';
import { Preparation } from './preparation.js';
import type { PreparedRequest } from './prepared-request.js';
import { EventSchemas } from './schemas/event-schemas.js';

const FACTS = { receivedAtMs: Date.now(), headers: {}, query: '', address: undefined };

function preparedOf(preparation: Preparation, elements: readonly unknown[]): PreparedRequest {
  return resultOf(preparation.ofRequest(elements, preparation.contextsOf('/collect', FACTS)));
}

/** What is stored or kept of an element, by a collector with keys. */
function preparedWithKeys(element: unknown, sanitizeParams: readonly string[] = []): unknown {
  const preparation = new Preparation(
    Object.assign(new IngestionOptions(), { sanitizeParams }),
    Object.assign(new AdmissionOptions(), { apiKeys: apiKeys('shop:K') }),
    new Enrichment([], new RecordingObserver()),
    createSanitizer(sanitizeParams),
  );
  const { events, rejections } = preparedOf(preparation, [element]);
  const [line] = rejections.lines;
  return line
    ? (JSON.parse(line.toString()) as { event: unknown }).event
    : JSON.parse(String(events[0]));
}

describe('a key inside an event', () => {
  it.each<[object, object]>([
    [
      { props: { page: 'https://a.example/?x=1&gt_key=hunter2' } },
      { props: { page: 'https://a.example/?x=1' } },
    ],
    [
      { props: { page: 'https%3A%2F%2Fa.example%2F%3Fgt_key%3Dhunter2' } },
      { props: { page: 'https%3A%2F%2Fa.example%2F' } },
    ],
    [{ props: { list: ['a', { deep: '?%67t%5Fkey=hunter2' }] } }, { props: { list: ['a', {}] } }],
    [{ url: { raw_query: 'x=1&GT_KEY=hunter2' } }, { url: { raw_query: 'x=1', query_size: 3 } }],
    [{ route: { query: { 'gt_key[]': 'hunter2', x: '1' } } }, { route: { query: { x: '1' } } }],
    [{ type: 7, url: { raw_query: 'gt_key=hunter2' } }, { type: 7 }],
  ])('is neither stored nor kept: %j', (element, left) => {
    for (const sanitizeParams of [[], ['token']]) {
      const prepared = preparedWithKeys(element, sanitizeParams);
      expect(prepared).toMatchObject(left);
      expect(JSON.stringify(prepared)).not.toContain('hunter2');
    }
  });

  it('takes nothing along that only looks like one', () => {
    const props = { text: 'set gt_key in the query', address: 'https://a.example/?x=gt_key' };
    expect(preparedWithKeys({ props })).toMatchObject({ props });
  });
});

/** With a schema for the type `long`: what is in `props.list` must be numbers. */
async function preparationWithSchema(): Promise<Preparation> {
  const folder = await mkdtemp(join(tmpdir(), 'schemas-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const schema = {
    properties: { props: { properties: { list: { items: { type: 'number' } } } } },
  };
  await writeFile(join(folder, 'long.json'), JSON.stringify(schema));
  const observer = new RecordingObserver();
  const schemas = await EventSchemas.open({ folder, mode: 'reject' }, observer);
  onTestFinished(() => schemas.onModuleDestroy());
  return new Preparation(
    new IngestionOptions(),
    new AdmissionOptions(),
    new Enrichment([], observer),
    undefined,
    schemas,
  );
}

describe('a large event', () => {
  it.each([[[]], [['1']]])(
    'has its long lists checked by the schema of its type: %j',
    async (more) => {
      const preparation = await preparationWithSchema();
      const list = [...Array.from({ length: 100 }, () => 1), ...more];
      const event = { type: 'long', props: { list, text: 'x'.repeat(5000) } };
      const body = JSON.stringify([event, event]);
      const contexts = preparation.contextsOf('/collect', FACTS);
      const elements = resultOf(parseEvents('json', body, preparation.limitsOf(contexts), 4096));
      const large = [...elements].filter((element) => element instanceof LargeElement);
      expect(large).toHaveLength(2);
      const { events, rejections, violations } = preparedOf(preparation, large);
      const violating = more.length * 2;
      expect([events.length, rejections.count]).toEqual([2 - violating, violating]);
      expect(violations.counts).toEqual(new Map(more.length === 0 ? [] : [['long', 2]]));
      const small = preparedOf(preparation, [event]);
      const told = (line: Buffer | undefined): unknown =>
        line && (JSON.parse(line.toString()) as { errors: unknown }).errors;
      expect(told(rejections.lines[0])).toEqual(told(small.rejections.lines[0]));
    },
  );

  it('says what its protocol finds wrong with it', () => {
    const errors = ['event: must be a text that is not empty'];
    const event = new ClientEvent({ type: { said: 5 } }, {}, errors);
    const preparation = new Preparation(
      new IngestionOptions(),
      new AdmissionOptions(),
      new Enrichment([], new RecordingObserver()),
      undefined,
    );
    const { rejections } = preparedOf(preparation, [new LargeElement(event)]);
    expect(JSON.parse(rejections.json())).toMatchObject([{ errors }]);
  });

  it('is looked through for what names its client, and for what a message has', () => {
    const preparation = new Preparation(
      new IngestionOptions(),
      new AdmissionOptions(),
      new Enrichment([], new RecordingObserver()),
      undefined,
    );
    const event = { userId: 'u-1', context: { ip: '192.0.2.7', locale: 'de' } };
    const { events, warnings } = preparedOf(preparation, [new LargeElement(event)]);
    expect(String(events[0])).toContain('"context":{"locale":"de"}');
    expect(warnings).toMatchObject([expect.stringContaining('look like messages')]);
  });
});

describe('events of which the schema takes long to check', () => {
  it('are each followed by a look at the clock', async () => {
    const preparation = await preparationWithSchema();
    const list = Array.from({ length: 10_000 }, () => 1);
    const elements = [
      { type: 'long', props: { list } },
      { type: 'long', props: { list: [1] } },
      { type: 'other', props: { list } },
      { type: 'long', props: { list: [...list, '1'] } },
    ];
    const work = preparation.ofRequest(elements, preparation.contextsOf('/collect', FACTS));
    const pauses: unknown[] = [];
    let step = work.next();
    for (; !step.done; step = work.next()) {
      pauses.push(step.value);
    }
    expect(pauses).toEqual([LONG, undefined, undefined, LONG]);
    const { events, rejections, violations, warnings } = step.value;
    expect([events.length, rejections.byReason]).toEqual([3, new Map([['event_schema', 1]])]);
    expect([violations.counts, warnings]).toEqual([new Map([['long', 1]]), []]);
  });
});

describe('a rejected event that is validated again', () => {
  const options = (settings: Partial<IngestionOptions>) =>
    new Preparation(
      Object.assign(new IngestionOptions(), settings),
      new AdmissionOptions(),
      new Enrichment([], new RecordingObserver()),
      undefined,
    );
  const settings = { hashFields: ['user.id', 'email'], hashSecret: 'S' };

  it('has the hashes that it would have had at first', () => {
    const preparation = options(settings);
    const event = { user: { id: 'u-1' }, email: 'e@x.example' };
    const { rejections, events } = preparedOf(preparation, [
      { ...event, type: 5 },
      { ...event, type: 't' },
    ]);
    const kept = (JSON.parse(String(rejections.lines[0])) as { event: Fields }).event;
    const again = preparation.ofKept({ ...kept, type: 't' });
    const plain = ({ user, props, server }: Fields) => ({ user, props, server });
    expect(plain(JSON.parse(String(again.json)) as Fields)).toEqual(
      plain(JSON.parse(String(events[0])) as Fields),
    );
    const stillRejected = preparation.ofKept(kept).rejected?.event;
    expect(JSON.parse(String(stillRejected))).toEqual(kept);
  });

  it('loses the address that was kept with it once, and names no client', () => {
    const context = { ip: '203.0.113.7', userAgent: 'UA', app: 'a' };
    const { json } = options({}).ofKept({ type: 't', context, server: { ip: '192.0.2.0' } });
    expect(JSON.parse(String(json))).toMatchObject({
      props: { context: { userAgent: 'UA', app: 'a' } },
      server: { ip: '192.0.2.0' },
    });
    expect(String(json)).not.toContain('203.0.113.7');
  });

  it('is hashed when it was kept without', () => {
    const before = options({});
    const { rejections } = preparedOf(before, [{ type: 5, user: { id: 'u-1' } }]);
    const kept = (JSON.parse(String(rejections.lines[0])) as { event: Fields }).event;
    expect(String(options(settings).ofKept({ ...kept, type: 't' }).json)).not.toContain('u-1');
  });
});
