import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rmdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { promptly, until, Workplace } from '../support/servers/collector.js';
import { Load } from '../support/load/load.js';
import { shutDownUnderLoad } from '../support/load/shut-down-under-load.js';

let workplace: Workplace;

beforeEach(async () => {
  workplace = await Workplace.create();
});

afterEach(() => workplace.remove());

describe('shutdown', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    '%s under load cuts no request and leaves nothing behind',
    async (signal) => {
      const collector = await workplace.start({ FLUSH_INTERVAL_MS: '50' });
      const load = new Load(collector.port, 'load');
      expect(await shutDownUnderLoad(collector, load, signal)).toEqual({ exitCode: 0, broken: [] });
      const delivered = (await workplace.logged()).map(({ event_id }) => event_id).toSorted();
      expect(delivered).toEqual([...load.acknowledged].toSorted());
    },
  );

  it('says 503 on /readyz and still accepts during the delay, while metrics can be scraped', async () => {
    const collector = await workplace.start({ SHUTDOWN_DELAY_MS: '8000' });
    const { url } = collector;
    const exit = collector.stop();
    await until(async () => (await fetch(`${url}/readyz`)).status === 503);
    const ready = (await (await fetch(`${url}/readyz`)).json()) as {
      status: string;
      checks: object;
    };
    expect(ready).toMatchObject({ status: 'unavailable', checks: { process: 'draining' } });
    expect((await fetch(`${url}/px.gif?event_id=late`)).status).toBe(200);
    expect(await collector.metric('gotrack_events_accepted_total')).toBe(1);

    expect(await exit).toBe(0);
    expect((await workplace.logged()).map(({ event_id }) => event_id)).toEqual(['late']);
  });

  it('ends at the timeout although a sink is down, and delivers after the next start', async () => {
    await mkdir(workplace.path('data', 'events.ndjson'), { recursive: true });
    const first = await workplace.start({ SHUTDOWN_TIMEOUT_MS: '300' });
    expect((await fetch(`${first.url}/px.gif?event_id=kept`)).status).toBe(200);
    expect(await first.stop()).toBe(0);
    expect(JSON.parse(first.log.at(-1) ?? '')).toMatchObject({
      level: 'warn',
      msg: 'stopped; the next start delivers what is left: 1 event(s) of log',
    });

    await rmdir(workplace.path('data', 'events.ndjson'));
    const second = await workplace.start();
    await second.drained();
    expect((await workplace.logged()).map(({ event_id }) => event_id)).toEqual(['kept']);
    expect(await second.stop()).toBe(0);
    expect(JSON.parse(second.log.at(-1) ?? '')).toMatchObject({ level: 'info', msg: 'stopped' });
  });

  it('comes only of SIGTERM and SIGINT, also during the start', async () => {
    const record = workplace.path('modules');
    const collector = workplace.launch({
      NODE_OPTIONS: `--import=${pathToFileURL('test/support/record-modules.mjs').href}`,
      LOADED_MODULES: record,
    });
    const hasLoaded = (module: string): boolean =>
      existsSync(record) && readFileSync(record, 'utf8').includes(module);
    const sendOthers = (): void =>
      (['SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const).forEach((signal) => collector.signal(signal));
    await promptly(collector, () => hasLoaded('/dist/main.js'));
    sendOthers();
    await collector.ready();
    sendOthers();
    expect((await fetch(`${collector.url}/px.gif?event_id=first`)).status).toBe(200);
    expect(await collector.stop()).toBe(0);
    expect((await workplace.logged()).map(({ event_id }) => event_id)).toEqual(['first']);
    expect(collector.log.filter((line) => line.includes('Debugger'))).toEqual([]);
  });

  it('does not wait for a client that keeps its connection open without a request', async () => {
    const collector = await workplace.start();
    const socket = connect(collector.port, '127.0.0.1');
    await once(socket, 'connect');
    const closed = once(socket.resume(), 'close');
    expect(await collector.stop()).toBe(0);
    await closed;
  });
});
