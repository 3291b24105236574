import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { filesHolding } from '../support/disk/files-holding.js';
import { type Collector, until, Workplace } from '../support/servers/collector.js';
import { ask, type ClientAnswer } from '../support/servers/signing-client.js';

const JSON_TYPE = { 'Content-Type': 'application/json' };
const REJECTED = 'data/dead-letters/rejected.ndjson';

/** For a type whose events say which plan was chosen, and nothing else. */
const SIGNUP = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  required: ['props'],
  properties: {
    props: {
      required: ['plan'],
      properties: { plan: { enum: ['free', 'pro'] }, context: {} },
      additionalProperties: false,
    },
  },
};
const PLAN_ERROR = 'props.plan: must be equal to one of the allowed values';

let workplace: Workplace;

beforeEach(async () => {
  workplace = await Workplace.create();
  await mkdir(workplace.path('schemas'));
});

afterEach(() => workplace.remove());

async function write(name: string, schema: unknown): Promise<void> {
  const path = workplace.path('schemas', name);
  await writeFile(`${path}.new`, typeof schema === 'string' ? schema : JSON.stringify(schema));
  await rename(`${path}.new`, path);
}

function start(
  mode: 'report' | 'reject',
  environment: Record<string, string> = {},
): Promise<Collector> {
  return workplace.start({ EVENT_SCHEMAS: 'schemas', EVENT_SCHEMAS_MODE: mode, ...environment });
}

function collect({ port }: Collector, body: unknown, path = '/collect'): Promise<ClientAnswer> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return ask(port, path, { body: text, headers: JSON_TYPE });
}

const parsed = ({ body }: ClientAnswer): unknown => JSON.parse(body);

const violations = (collector: Collector, type: string): Promise<number> =>
  collector.metric('gotrack_event_schema_violations_total', { type });

async function storedTypes(collector: Collector): Promise<string[]> {
  await collector.drained();
  return (await workplace.logged()).map(({ type }) => type);
}

async function keptLines(): Promise<{ reason: string; error: string; event: unknown }[]> {
  const text = await readFile(workplace.path(REJECTED), 'utf8').catch(() => '');
  return text
    .trimEnd()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { reason: string; error: string; event: unknown });
}

/** The same violation by each protocol. */
async function sendByEach(collector: Collector): Promise<ClientAnswer[]> {
  const { port } = collector;
  return [
    await ask(port, '/px.gif?e=signup&plan=SECRET', { method: 'GET' }),
    await collect(collector, [
      { type: 'signup', props: { plan: 'pro' } },
      { type: 'signup', plan: 'SECRET' },
      { type: 'other', props: { plan: 'SECRET' } },
    ]),
    await collect(
      collector,
      { batch: [{ type: 'track', event: 'signup', properties: { plan: 'SECRET' } }] },
      '/v1/batch',
    ),
    await collect(collector, { event: 'signup', properties: { plan: 'SECRET' } }, '/v1/track'),
  ];
}

describe('EVENT_SCHEMAS_MODE=reject', () => {
  it('refuses by each protocol what violates the schema of its type, and keeps it', async () => {
    await write('signup.json', SIGNUP);
    const collector = await start('reject');
    const [pixel, events, batch, track] = await sendByEach(collector);
    expect(pixel?.status).toBe(400);
    expect(parsed(pixel as ClientAnswer)).toMatchObject({
      code: 'GT_ALL_REJECTED',
      rejected: [{ index: 0, errors: [PLAN_ERROR] }],
    });
    expect([events?.status, parsed(events as ClientAnswer)]).toEqual([
      202,
      { status: 'partial', accepted: 2, rejected: [{ index: 1, errors: [PLAN_ERROR] }] },
    ]);
    for (const answer of [batch, track]) {
      expect([answer?.status, parsed(answer as ClientAnswer)]).toEqual([
        200,
        { success: true, rejected: [{ index: 0, errors: [PLAN_ERROR] }] },
      ]);
    }

    expect(await storedTypes(collector)).toEqual(['signup', 'other']);
    expect(await violations(collector, 'signup')).toBe(4);
    for (const [endpoint, count] of Object.entries({
      '/px.gif': 1,
      '/collect': 1,
      '/v1/batch': 1,
      '/v1/track': 1,
    })) {
      const labels = { endpoint, reason: 'event_schema' };
      expect(await collector.metric('gotrack_events_rejected_total', labels)).toBe(count);
    }
    await until(async () => (await keptLines()).length === 4);
    for (const { reason, error, event } of await keptLines()) {
      expect([reason, error]).toEqual(['event_schema', PLAN_ERROR]);
      expect(JSON.stringify(event)).toContain('SECRET');
    }
    expect(collector.log.join('\n')).not.toContain('SECRET');
  });

  it('takes kept events that a changed schema allows', async () => {
    await write('signup.json', SIGNUP);
    const collector = await start('reject', {
      HASH_FIELDS: 'props.email',
      HASH_SECRET: 'S',
      DROP_FIELDS: 'props.phone',
    });
    const event = { type: 'signup', props: { plan: 'team', email: 'e@x.example', phone: '1' } };
    expect((await collect(collector, [event, { ...event, props: { plan: 7 } }])).status).toBe(400);
    await until(async () => (await keptLines()).length === 2);

    await write('signup.json', {
      properties: {
        props: {
          properties: { plan: { type: 'string' }, email: { pattern: '^[0-9a-f]{64}$' } },
          additionalProperties: false,
        },
      },
    });
    await until(() => collector.log.some((line) => line.includes('took the new signup.json')));
    const asked = await workplace.run(['dead-letters', 'replay', 'rejected', '--wait']);
    expect(asked.stdout).toContain('rejected: done; there are 1 event(s) in its dead letters now');
    await collector.drained();
    expect((await workplace.logged()).map(({ props }) => Object.keys(props ?? {}))).toEqual([
      ['plan', 'email'],
    ]);
    expect(await violations(collector, 'signup')).toBe(2);
  });

  it('takes prototype names for types like any other', async () => {
    await write('__proto__.json', { required: ['props'] });
    await write('constructor.json', { required: ['props'] });
    const collector = await start('reject');
    const types = ['__proto__', 'constructor', 'toString', 'hasOwnProperty'];
    const answer = await collect(
      collector,
      types.map((type) => ({ type })),
    );
    expect(parsed(answer)).toMatchObject({
      accepted: 2,
      rejected: [{ index: 0 }, { index: 1 }],
    });
    expect(await storedTypes(collector)).toEqual(['toString', 'hasOwnProperty']);
    expect(await violations(collector, '__proto__')).toBe(1);
    expect(await violations(collector, 'constructor')).toBe(1);
  });
});

describe('EVENT_SCHEMAS_MODE=report', () => {
  it('stores what violates its schema, counts it, and tells its sender', async () => {
    await write('signup.json', SIGNUP);
    const collector = await start('report');
    const [pixel, events, batch, track] = await sendByEach(collector);
    expect(pixel?.status).toBe(200);
    expect([events?.status, parsed(events as ClientAnswer)]).toEqual([
      202,
      {
        status: 'ok',
        accepted: 3,
        warnings: [`the element at index 1 violates the schema of its type: ${PLAN_ERROR}`],
      },
    ]);
    for (const answer of [batch, track]) {
      expect([answer?.status, answer?.body]).toEqual([200, '{"success":true}']);
    }
    expect((await storedTypes(collector)).filter((type) => type === 'signup')).toHaveLength(5);
    expect(await violations(collector, 'signup')).toBe(4);
    expect(await keptLines()).toEqual([]);
  });

  it('counts by the schemas that there are, not by what clients send', async () => {
    await write('*.json', { properties: { props: { type: 'object', required: ['page'] } } });
    await write('signup.json', SIGNUP);
    const collector = await start('report');
    const events = Array.from({ length: 200 }, (_, index) => ({
      type: `t${index}`,
      props: { x: 1 },
    }));
    expect((await collect(collector, events)).status).toBe(202);
    const series = (await collector.metrics()).filter(
      ({ name }) => name === 'gotrack_event_schema_violations_total',
    );
    expect(series.map(({ labels, value }) => [labels['type'], value])).toEqual([
      ['*', 200],
      ['signup', 0],
    ]);
  });
});

describe('POST /collect/validate', () => {
  it('judges as /collect does, and counts nothing', async () => {
    await write('signup.json', SIGNUP);
    const body = [
      { type: 'signup', event_id: 'a', props: { plan: 'team' } },
      { type: 'signup', event_id: 'b', props: { plan: 'pro' } },
    ];
    for (const mode of ['reject', 'report'] as const) {
      const collector = await start(mode, { VALIDATE: 'true' });
      const { events, ...told } = parsed(
        await collect(collector, body, '/collect/validate'),
      ) as Record<string, unknown>;
      expect(await violations(collector, 'signup')).toBe(0);
      expect(told).toEqual(parsed(await collect(collector, body)));
      expect(JSON.stringify(told)).toContain(PLAN_ERROR);
      expect(events).toHaveLength(mode === 'reject' ? 1 : 2);
      expect(await violations(collector, 'signup')).toBe(1);
      await collector.stop();
    }
  });

  it('shows what the schema is to describe', async () => {
    const collector = await workplace.start({ VALIDATE: 'true' });
    const sent = {
      event_id: 'e-1',
      type: 'né\0w',
      plan: 12345678901234567890n,
      props: { nothing: null, __proto__x: 1 },
      url: { raw_query: '?utm_source=s', referrer: 'https://u:p@a.example/' },
      session: {},
    };
    const body = JSON.stringify(sent, (_, value: unknown) =>
      typeof value === 'bigint' ? Number(value) : value,
    ).replace('__proto__x', '__proto__');
    const { events } = parsed(await collect(collector, body, '/collect/validate')) as {
      events: [Record<string, unknown>];
    };
    await collector.stop();

    // The schema allows exactly this event, but for the times.
    const { ts: _ts, received_at: _received, ...rest } = events[0];
    await write('*.json', {
      required: ['ts', 'received_at', ...Object.keys(rest)],
      properties: {
        ts: { format: 'date-time' },
        received_at: { format: 'date-time' },
        ...Object.fromEntries(
          Object.entries(rest).map(([name, value]) => [name, { const: value }]),
        ),
      },
      additionalProperties: false,
    });
    const checked = await start('reject');
    expect((await collect(checked, body)).status).toBe(202);
    expect((await collect(checked, body.replace('e-1', 'e-2'))).status).toBe(400);
  });
});

describe('a folder of schemas', () => {
  it('is followed, and a broken file leaves the one before in use', async () => {
    await write('signup.json', SIGNUP);
    const collector = await start('reject');
    const reloaded = (): Promise<number> =>
      collector.metric('gotrack_event_schemas_last_reload_successful');
    const isAccepted = async (plan: string): Promise<boolean> =>
      (await collect(collector, { type: 'signup', props: { plan } })).status === 202;
    expect([await reloaded(), await isAccepted('team')]).toEqual([1, false]);

    await write('signup.json', '{"properties":');
    await until(async () => (await reloaded()) === 0);
    expect([await isAccepted('team'), await isAccepted('pro')]).toEqual([false, true]);
    expect(collector.log.join('\n')).toMatch(
      /signup\.json is no JSON: .*what it held before stays in use/,
    );

    await write('signup.json', { properties: { props: { $ref: 'https://x.example/props.json' } } });
    await until(() => collector.log.some((line) => line.includes('nothing is fetched')));
    expect([await reloaded(), await isAccepted('team')]).toEqual([0, false]);

    await write('signup.json', {});
    await until(async () => (await reloaded()) === 1);
    expect(await isAccepted('team')).toBe(true);

    await write('login.json', { required: ['user'] });
    const login = async (): Promise<number> => (await collect(collector, { type: 'login' })).status;
    await until(async () => (await login()) === 400);
    await rm(workplace.path('schemas', 'login.json'));
    await until(async () => (await login()) === 202);
  });

  it.each([
    ['{"$ref":"other.json"}', 'EVENT_SCHEMAS: signup.json has a remote reference at #/$ref'],
    ['{"pattern":"(?=a)"}', 'EVENT_SCHEMAS: signup.json has a pattern that cannot be used'],
    ['{', 'EVENT_SCHEMAS: signup.json is no JSON'],
    [undefined, 'EVENT_SCHEMAS: names a folder without a schema'],
  ])('stops the start with %s', async (schema, reason) => {
    if (schema !== undefined) {
      await write('signup.json', schema);
    }
    for (const command of ['serve', 'check-config']) {
      const { exitCode, stderr } = await workplace.run([command], { EVENT_SCHEMAS: 'schemas' });
      expect([exitCode, stderr]).toEqual([1, expect.stringContaining(reason)]);
    }
  });
});

describe('what hostile events cost', () => {
  const nested = (depth: number): object => (depth === 0 ? {} : { child: nested(depth - 1) });
  const TOO_MUCH = 'event: takes more work to check against its schema than an event may';

  beforeEach(async () => {
    await write('text.json', {
      properties: { props: { additionalProperties: { pattern: '^(?:(?:a|aa)+)+!$' } } },
    });
    await write('tree.json', {
      $defs: {
        node: {
          anyOf: ['a', 'b'].map((name) => ({
            allOf: [{ properties: { child: { $ref: '#/$defs/node' } } }, { required: [name] }],
          })),
        },
      },
      properties: { props: { $ref: '#/$defs/node' } },
    });
    await write('list.json', {
      properties: { props: { properties: { list: { uniqueItems: true } } } },
    });
    await write('value.json', { properties: { props: { enum: [{}, { a: 1 }] } } });
  });

  it('is bounded, and others are served meanwhile', async () => {
    const collector = await start('reject');
    const hostile = [
      ...Array.from({ length: 10 }, () => ({ type: 'text', props: { it: 'a'.repeat(60_000) } })),
      ...Array.from({ length: 200 }, () => ({ type: 'tree', props: nested(28) })),
      { type: 'list', props: { list: Array.from({ length: 8000 }, (_, index) => [index]) } },
      ...['toString', 'valueOf', 'constructor'].map((name) => ({
        type: 'value',
        props: { [name]: 1 },
      })),
    ];
    const answers = hostile.length;
    const attacks = Array.from({ length: 5 }, () => collect(collector, hostile));
    const view = await ask(collector.port, '/px.gif?e=view', { method: 'GET' });
    expect(view.status).toBe(200);
    for (const answer of await Promise.all(attacks)) {
      expect(answer.status).toBe(400);
      const { rejected } = parsed(answer) as { rejected: { errors: string[] }[] };
      expect(rejected).toHaveLength(answers);
      const counts = Map.groupBy(rejected, ({ errors }) => errors.join());
      expect(counts.get(TOO_MUCH)).toHaveLength(211);
      expect(counts.get('props: must be equal to one of the allowed values')).toHaveLength(3);
    }
    expect(await storedTypes(collector)).toEqual(['view']);
  });

  it('shows nothing of an event outside of the files for events', async () => {
    const collector = await start('report', { LOG_LEVEL: 'debug' });
    const secret = 'hunter2';
    const answer = await collect(collector, [
      { type: 'text', props: { [secret]: secret } },
      { type: 'value', props: { [secret]: secret } },
    ]);
    expect(answer.status).toBe(202);
    expect(answer.body).toContain('warnings');
    expect(answer.body).not.toContain(secret);
    expect(collector.log.join('\n')).not.toContain(secret);
    await collector.drained();
    const { holding } = await filesHolding(workplace.directory, [secret]);
    expect(holding.every((path) => !path.includes('dead-letters'))).toBe(true);
  });
});

describe('gotrack schemas check', () => {
  const environment = { EVENT_SCHEMAS: 'schemas' };

  beforeEach(() => write('signup.json', SIGNUP));

  it('checks events as /collect does', async () => {
    const lines = [
      { type: 'signup', props: { plan: 'pro' } },
      { type: 'signup', props: { plan: 'SECRET' } },
      { type: 7 },
    ].map((event) => JSON.stringify(event));
    await writeFile(workplace.path('events.ndjson'), lines.join('\n'));
    await writeFile(workplace.path('event.json'), lines[0] as string);
    const good = await workplace.run(['schemas', 'check', 'event.json'], environment);
    expect(good).toEqual({
      exitCode: 0,
      stdout: 'event.json: 1 event(s), none violates a schema\n',
      stderr: '',
    });
    const bad = await workplace.run(['schemas', 'check', 'events.ndjson'], environment);
    expect(bad).toEqual({
      exitCode: 1,
      stdout: [
        `events.ndjson: index 1: ${PLAN_ERROR}`,
        'events.ndjson: index 2: type: must be a string',
        'events.ndjson: 2 of 3 event(s) would be rejected',
        '',
      ].join('\n'),
      stderr: '',
    });
    const program = await workplace.run(
      ['schemas', 'check', 'events.ndjson', '--json'],
      environment,
    );
    expect(JSON.parse(program.stdout)).toEqual({
      ok: false,
      checked: 'events',
      events: 3,
      rejected: [
        { index: 1, errors: [PLAN_ERROR] },
        { index: 2, errors: ['type: must be a string'] },
      ],
    });
  });

  it('checks schemas', async () => {
    const good = await workplace.run(['schemas', 'check', 'schemas/signup.json']);
    expect(good).toEqual({
      exitCode: 0,
      stdout: 'signup.json: can be used as EVENT_SCHEMAS\n',
      stderr: '',
    });
    await write('login.json', { type: 'object', requierd: ['user'] });
    const bad = await workplace.run(['schemas', 'check', 'schemas/login.json']);
    expect([bad.exitCode, bad.stdout]).toEqual([
      1,
      expect.stringMatching(/^login\.json: cannot be used: .*unknown keyword: "requierd"\n$/),
    ]);
    const all = await workplace.run(['schemas', 'check', 'schemas', '--json']);
    expect(JSON.parse(all.stdout)).toEqual({
      ok: false,
      checked: 'schemas',
      faults: [expect.stringMatching(/^login\.json cannot be used/)],
    });
  });

  it('says why it cannot check', async () => {
    await writeFile(workplace.path('event.json'), '{"type":"signup"}');
    await writeFile(workplace.path('broken.json'), '{"type":');
    for (const [file, variables, reason] of [
      ['event.json', {}, 'event.json holds events: set EVENT_SCHEMAS'],
      ['missing.json', environment, 'missing.json cannot be read: it does not exist (ENOENT)'],
      ['broken.json', environment, 'JSON'],
      ['event.json', { EVENT_SCHEMAS: 'nowhere' }, 'EVENT_SCHEMAS: names a folder that cannot'],
    ] as const) {
      const { exitCode, stderr } = await workplace.run(['schemas', 'check', file], variables);
      expect([file, exitCode, stderr]).toEqual([file, 1, expect.stringContaining(reason)]);
    }
  });
});
