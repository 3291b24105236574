import { existsSync } from 'node:fs';
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type Collector,
  type LoggedEvent,
  until,
  Workplace,
} from '../support/servers/collector.js';
import { ask } from '../support/servers/signing-client.js';

let workplace: Workplace;

beforeEach(async () => {
  workplace = await Workplace.create();
});

afterEach(() => workplace.remove());

async function send({ port }: Collector, events: unknown, query = ''): Promise<number> {
  const headers = { 'Content-Type': 'application/json' };
  const { status } = await ask(port, `/collect${query}`, { headers, body: JSON.stringify(events) });
  return status;
}

/** Starts `tail`, and waits until it shows something. */
async function watch(
  collector: Collector,
  options: readonly string[],
  environment: Record<string, string> = {},
): Promise<Collector> {
  const tail = workplace.begin(['tail', ...options], environment);
  await until(async () => {
    await send(collector, { type: 'first' });
    return tail.output.length > 0;
  });
  return tail;
}

const parsed = (tail: Collector): LoggedEvent[] =>
  tail.output.map((line) => JSON.parse(line) as LoggedEvent);

describe('tail', () => {
  it('shows each event as it is stored, and no rejected one', async () => {
    const collector = await workplace.start();
    const tail = await watch(collector, ['--json']);
    await send(collector, [{ type: 'signup', props: { plan: 'pro' } }, { type: 7 }]);
    await ask(collector.port, '/px.gif?e=pixel', { method: 'GET' });
    await send(collector, { type: 'last' });
    await until(() => parsed(tail).at(-1)?.type === 'last');
    await collector.drained();
    const stored = await workplace.logged();
    const shown = parsed(tail);
    expect(shown.map(({ type }) => type).filter((type) => type !== 'first')).toEqual([
      'signup',
      'pixel',
      'last',
    ]);
    expect(shown).toEqual(stored.slice(-shown.length));
    await collector.stop();
    expect(await tail.ended()).toBe(0);
    expect(tail.log).toEqual([expect.stringContaining('it has stopped')]);
    expect(existsSync(workplace.path('data/queue/tail.sock'))).toBe(false);
  });

  it('shows lines for people, in which nothing moves the cursor', async () => {
    const collector = await workplace.start();
    const tail = await watch(collector, []);
    await send(collector, {
      event_id: 'id-1',
      type: 'clear\u001b[2J\u009b\u202e',
      route: { domain: 'shop.example', path: '/a' },
    });
    await until(() => tail.output.some((line) => line.includes('id-1')));
    expect(tail.output.at(-1)).toMatch(
      /^\S+Z clear\uFFFD\[2J\uFFFD\uFFFD - id-1 shop\.example\/a$/u,
    );
  });

  it('shows the type and the source that were asked for', async () => {
    const collector = await workplace.start({ INGEST_API_KEYS: 'shop:k1,app:k2' });
    const first = await watch(collector, ['--json']);
    const tails = [
      ['--type=signup'],
      ['--source', 'shop'],
      ['--source', 'none', '--type', 'a'],
    ].map((options) => workplace.begin(['tail', '--json', ...options]));
    const [byType, bySource, byBoth] = tails as [Collector, Collector, Collector];
    await until(async () => {
      await send(collector, [{ type: 'signup' }, { type: 'a' }], '?gt_key=k1');
      await send(collector, [{ type: 'signup' }, { type: 'a' }], '?gt_key=k2');
      await send(collector, [{ type: 'signup' }, { type: 'a' }]);
      return tails.every(({ output }) => output.length > 3);
    });
    const sources = (tail: Collector): Set<unknown> =>
      new Set(
        parsed(tail).map(({ server }) => (server as { source?: string } | undefined)?.source),
      );
    const types = (tail: Collector): Set<string> => new Set(parsed(tail).map(({ type }) => type));
    expect([types(byType), sources(byType)]).toEqual([
      new Set(['signup']),
      new Set(['shop', 'app', undefined]),
    ]);
    expect([types(bySource), sources(bySource)]).toEqual([
      new Set(['signup', 'a']),
      new Set(['shop']),
    ]);
    expect([types(byBoth), sources(byBoth)]).toEqual([new Set(['a']), new Set([undefined])]);
    expect(first.output.some((line) => line.includes('k1'))).toBe(false);
  });

  it('is for the user of the collector alone', async () => {
    await workplace.start();
    await until(() => existsSync(workplace.path('data/queue/tail.sock')));
    const { mode } = await stat(workplace.path('data/queue/tail.sock'));
    expect(mode & 0o777).toBe(0o600);
  });

  it('says that no collector runs', async () => {
    const { exitCode, stderr } = await workplace.run(['tail']);
    expect(exitCode).toBe(1);
    expect(stderr).toContain('no collector that runs with QUEUE_PATH ./data/queue can be reached');
  });

  it('works after a crash has left its socket', async () => {
    const crashed = await workplace.start();
    await until(() => existsSync(workplace.path('data/queue/tail.sock')));
    await crashed.kill();
    const { exitCode, stderr } = await workplace.run(['tail']);
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining('ECONNREFUSED')]);
    const tail = await watch(await workplace.start(), []);
    expect(tail.output[0]).toContain(' first ');
  });

  it('works with a long QUEUE_PATH, in a directory that belongs to nobody else', async () => {
    await mkdir(workplace.path('tmp'));
    const environment = {
      QUEUE_PATH: workplace.path('long'.repeat(20), 'queue'),
      TMPDIR: workplace.path('tmp'),
    };
    const collector = await workplace.start(environment);
    const tail = await watch(collector, [], environment);
    expect(tail.output[0]).toContain(' first ');
  });

  it('costs a start nothing but itself when its socket cannot be made', async () => {
    await writeFile(workplace.path('no-directory'), '');
    const collector = await workplace.start({
      QUEUE_PATH: workplace.path('long'.repeat(20), 'queue'),
      TMPDIR: workplace.path('no-directory'),
    });
    expect(await send(collector, {})).toBe(202);
    expect(collector.log.join('\n')).toContain('gotrack tail will show nothing');
  });
});

describe('a reader that does not read', () => {
  const EVENTS = 100;

  async function linesOf(socket: Socket, enough: (lines: readonly string[]) => boolean) {
    const lines: string[] = [];
    createInterface({ input: socket }).on('line', (line) => lines.push(line));
    await until(() => enough(lines));
    return lines;
  }

  it('delays nobody, and is told how many events it has missed', async () => {
    const collector = await workplace.start();
    await until(() => existsSync(workplace.path('data/queue/tail.sock')));
    const socket = connect(workplace.path('data/queue/tail.sock'));
    await once(socket, 'connect');
    const text = 'x'.repeat(50_000);
    for (let sent = 0; sent < EVENTS; sent += 10) {
      const events = Array.from({ length: 10 }, () => ({ props: { text } }));
      expect(await send(collector, events)).toBe(202);
    }
    const toldOf = (lines: readonly string[]): number =>
      lines.reduce((sum, line) => sum + (line.startsWith('#') ? Number(line.slice(1)) : 1), 0);
    const lines = await linesOf(socket, (read) => toldOf(read) >= EVENTS);
    expect(toldOf(lines)).toBe(EVENTS);
    expect(lines.some((line) => line.startsWith('#'))).toBe(true);
    socket.destroy();
    expect(await send(collector, {})).toBe(202);
    expect(await collector.stop()).toBe(0);
  });

  it('does not hold up the end of the collector', async () => {
    const collector = await workplace.start();
    await until(() => existsSync(workplace.path('data/queue/tail.sock')));
    const socket = connect(workplace.path('data/queue/tail.sock')).on('error', () => {});
    await once(socket, 'connect');
    await send(
      collector,
      Array.from({ length: 20 }, () => ({ props: { t: 'x'.repeat(50_000) } })),
    );
    expect(await collector.stop()).toBe(0);
    socket.destroy();
  });
});
