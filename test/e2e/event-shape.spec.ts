import { createHmac } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Collector, type LoggedEvent, Workplace } from '../support/servers/collector.js';

const HOUR_MS = 3_600_000;

let workplace: Workplace;

beforeEach(async () => {
  workplace = await Workplace.create();
});
afterEach(() => workplace.remove());

async function post(
  collector: Collector,
  events: unknown,
  { query = '', headers = {} }: { query?: string; headers?: Record<string, string> } = {},
): Promise<number> {
  const response = await fetch(`${collector.url}/collect${query}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(events),
  });
  return response.status;
}

async function logged(collector: Collector): Promise<Map<string, LoggedEvent>> {
  await collector.drained();
  return new Map((await workplace.logged()).map((event) => [event.type, event]));
}

/** Whatever is in the files: sinks, the queue, the dead letters. */
async function storedBytes(names: readonly string[]): Promise<string> {
  const texts = await Promise.all(names.map((name) => readFile(workplace.path(name), 'latin1')));
  return texts.join('\n');
}

describe('the group user', () => {
  it('is stored, but for visitors who ask not to be tracked', async () => {
    const collector = await workplace.start();
    const user = { id: 'u-1', group_id: 'g-1', previous_id: 'p-1', traits: { plan: 'pro' } };
    expect(await post(collector, { type: 'known', user })).toBe(202);
    expect(await post(collector, { type: 'private', user }, { headers: { dnt: '1' } })).toBe(202);
    expect(await post(collector, { type: 'wrong', user: 'bob' })).toBe(400);
    const events = await logged(collector);
    expect(events.get('known')).toMatchObject({ user });
    expect(events.get('private')).not.toHaveProperty('user');
    expect(events.has('wrong')).toBe(false);
  });

  it('stands beside a server group that the server alone writes', async () => {
    const collector = await workplace.start({ BOTS: 'off', ENRICH_USER_AGENT: 'false' });
    const server = { visitor_hash: 'x', source: 'x', client: {}, geo: {}, bot: {}, channel: {} };
    expect(await post(collector, { type: 'forged', server: { ...server, purpose: 'x' } })).toBe(
      202,
    );
    expect((await logged(collector)).get('forged')?.['server']).toEqual({ ip: '127.0.0.0' });
  });
});

describe("the client's clock", () => {
  it('is corrected by what it says when the request leaves', async () => {
    const collector = await workplace.start();
    const clock = Date.now() + 3 * HOUR_MS;
    const ts = new Date(clock - 60_000).toISOString();
    const sent_at = new Date(clock).toISOString();
    const query = `?gt_sent_at=${clock}`;
    expect(await post(collector, { type: 'event', ts, sent_at })).toBe(202);
    expect(await post(collector, [{ type: 'query', ts }], { query })).toBe(202);
    const pixel = await fetch(`${collector.url}/px.gif?e=pixel&a=1&gt_sent_at=${sent_at}&ts=${ts}`);
    expect(pixel.status).toBe(200);
    expect(await post(collector, { type: 'plain', ts })).toBe(202);
    expect(await post(collector, { type: 'unread', sent_at: { a: 1 } })).toBe(202);

    const events = await logged(collector);
    for (const type of ['event', 'query', 'pixel']) {
      const event = events.get(type);
      const age = Date.parse(String(event?.['received_at'])) - Date.parse(String(event?.['ts']));
      // Both are by the server's clock, so the time on the way does not count.
      expect(age).toBe(60_000);
      expect(JSON.stringify(event)).not.toContain('sent_at');
    }
    expect(events.get('pixel')).toMatchObject({ props: { a: '1' } });
    expect(events.get('query')).not.toHaveProperty('url');
    expect(events.get('plain')).toMatchObject({ props: { client_ts: ts } });
    expect(JSON.stringify(events.get('unread'))).not.toContain('sent_at');
  });
});

describe('DROP_FIELDS and HASH_FIELDS', () => {
  const hash = (text: string): string => createHmac('sha256', 'pepper').update(text).digest('hex');

  it('keep what they name out of everything that is stored', async () => {
    const collector = await workplace.start({
      DROP_FIELDS: 'props.email,user.traits.*',
      HASH_FIELDS: 'user.id,props.phone',
      HASH_SECRET: 'pepper',
    });
    const user = { id: 'hunter-id', traits: { name: 'hunter-name' } };
    const props = { email: 'hunter-mail', phone: 'hunter-phone', a: 1 };
    const events = [
      { type: 'valid', user, props },
      { type: 'moved', user, email: 'hunter-mail', phone: 'hunter-phone' },
      { type: 7, user, props },
      { type: 8, email: 'hunter-mail', phone: 'hunter-phone' },
    ];
    expect(await post(collector, events)).toBe(202);
    await fetch(`${collector.url}/px.gif?e=pixel&email=hunter-mail&phone=hunter-phone`);

    const stored = await logged(collector);
    expect(stored.get('valid')).toMatchObject({ props: { phone: hash('hunter-phone'), a: 1 } });
    expect(stored.get('valid')?.['user']).toEqual({ id: hash('hunter-id') });
    expect(stored.get('moved')?.props).toEqual({ phone: hash('hunter-phone') });
    expect(stored.get('pixel')?.props).toEqual({ phone: hash('hunter-phone') });
    await collector.stop();
    const { stdout } = await workplace.run(['dead-letters', 'list']);
    expect(stdout).toContain('2 event(s)');
    const names = ['data/events.ndjson', 'data/dead-letters/rejected.ndjson'];
    const queue = await readdir(workplace.path('data/queue'));
    const bytes = await storedBytes([...names, ...queue.map((name) => `data/queue/${name}`)]);
    expect(bytes).toContain(hash('hunter-id'));
    expect(bytes).not.toContain('hunter');
    expect(collector.log.join('\n')).not.toMatch(/hunter|pepper/);
  });

  it.each([
    [{ HASH_FIELDS: 'user.id' }, 'HASH_FIELDS: needs HASH_SECRET'],
    [{ DROP_FIELDS: 'ts' }, 'DROP_FIELDS: names ts, which must stay as it is'],
    [{ DROP_FIELDS: 'a..b' }, 'DROP_FIELDS: must be a comma list of paths'],
  ])('refuse the start when they cannot be kept to: %j', async (environment, fault) => {
    const { exitCode, stdout, stderr } = await workplace.run(['check-config'], environment);
    expect(exitCode).toBe(1);
    expect((stdout + stderr).replaceAll(/ +/g, ' ')).toContain(fault);
  });
});
