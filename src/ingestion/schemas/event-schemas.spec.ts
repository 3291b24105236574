import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { EventSchemaStats } from '../../metrics/pipeline-observer.js';
import { RecordingObserver } from '../../../test/support/fakes/recording-observer.js';
import { eventSchemaFaults, EventSchemas } from './event-schemas.js';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'schemas-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

const NEEDS_PLAN = { properties: { props: { required: ['plan'] } }, required: ['props'] };
const PLAN_MISSING = ["event: must have required property 'props'"];

async function write(name: string, schema: unknown): Promise<void> {
  const path = join(folder, name);
  await writeFile(`${path}.new`, typeof schema === 'string' ? schema : JSON.stringify(schema));
  await rename(`${path}.new`, path);
}

interface Opened {
  readonly schemas: EventSchemas;
  readonly stats: () => EventSchemaStats;
  readonly violation: (type: string, event?: object) => unknown;
}

async function open(mode: 'report' | 'reject' = 'report'): Promise<Opened> {
  const observer = new RecordingObserver();
  const schemas = await EventSchemas.open({ folder, mode }, observer);
  onTestFinished(() => schemas.onModuleDestroy());
  const [stats] = observer.of('eventSchemasOpened')[0] as [() => EventSchemaStats];
  const violation = (type: string, event: object = {}): unknown =>
    schemas.violationOf({ type, ...event });
  return { schemas, stats, violation };
}

describe('EventSchemas', () => {
  it('checks nothing without a folder', async () => {
    const observer = new RecordingObserver();
    const schemas = await EventSchemas.open({ folder: undefined, mode: 'reject' }, observer);
    expect(schemas.isOn).toBe(false);
    expect(schemas.violationOf({ type: 'signup' })).toBeUndefined();
    expect(observer.facts).toEqual([]);
    await expect(eventSchemaFaults({ folder: undefined, mode: 'report' })).resolves.toEqual([]);
  });

  it('checks events by the schema of their type, and leaves others alone', async () => {
    await write('signup.json', NEEDS_PLAN);
    const { violation, stats } = await open();
    expect(violation('signup')).toEqual({
      schema: 'signup',
      errors: PLAN_MISSING,
      isRejected: false,
    });
    expect(violation('signup', { props: { plan: 'pro' } })).toBeUndefined();
    for (const type of ['Signup', 'sign', '', '*', '__proto__', 'constructor', 'toString']) {
      expect(violation(type)).toBeUndefined();
    }
    expect(stats()).toEqual({ types: ['signup'], lastReloadSuccessful: true });
  });

  it('checks events of all other types by the fallback', async () => {
    await write('*.json', NEEDS_PLAN);
    await write('signup.json', {});
    const { violation, stats } = await open('reject');
    expect(violation('signup')).toBeUndefined();
    for (const type of ['pageview', '', '*', '__proto__', 'constructor']) {
      expect(violation(type)).toEqual({ schema: '*', errors: PLAN_MISSING, isRejected: true });
    }
    expect(stats().types).toEqual(['*', 'signup']);
  });

  it.each([
    ['__proto__.json', '__proto__'],
    ['constructor.json', 'constructor'],
    ['Order Completed.json', 'Order Completed'],
    ['cart%2Fadd.json', 'cart/add'],
    ['50%25 off.json', '50% off'],
    ['a.b.json', 'a.b'],
    ['ünï.json', 'ünï'],
  ])('takes %s for the schema of %s', async (name, type) => {
    await write(name, NEEDS_PLAN);
    const { violation, stats } = await open();
    expect(stats().types).toEqual([type]);
    expect(violation(type)).toMatchObject({ schema: type });
  });

  it('passes over what is no schema', async () => {
    await write('signup.json', NEEDS_PLAN);
    await write('.hidden.json', 'no JSON');
    await write('README.md', 'text');
    await mkdir(join(folder, '..data'));
    expect((await open()).stats().types).toEqual(['signup']);
  });

  it('judges what clients send, not what the server adds', async () => {
    await write('signup.json', {
      properties: { type: {}, props: {} },
      additionalProperties: false,
    });
    const { violation } = await open();
    expect(violation('signup', { type: 'signup', server: { ip: '192.0.2.0' } })).toBeUndefined();
    expect(violation('signup', { type: 'signup', user: { id: 'u' } })).toBeDefined();
  });

  it('says how much work it was', async () => {
    await write('signup.json', { properties: { props: { items: { type: 'number' } } } });
    const { schemas, violation } = await open();
    violation('signup', { props: Array.from({ length: 500 }, () => 1) });
    violation('signup', { props: Array.from({ length: 500 }, () => 1) });
    expect(schemas.takeWork()).toBeGreaterThan(1000);
    expect(schemas.takeWork()).toBe(0);
    violation('other');
    expect(schemas.takeWork()).toBe(0);
  });

  it('takes files that are replaced, added and removed', async () => {
    await write('signup.json', NEEDS_PLAN);
    const { violation, stats } = await open();
    await write('signup.json', {});
    await write('login.json', NEEDS_PLAN);
    await vi.waitFor(() => expect(violation('login')).toBeDefined());
    expect(violation('signup')).toBeUndefined();
    await rm(join(folder, 'login.json'));
    await vi.waitFor(() => expect(stats().types).toEqual(['signup']));
    expect(violation('login')).toBeUndefined();
    expect(stats().lastReloadSuccessful).toBe(true);
  });

  it('takes what Kubernetes puts in the place of a mounted map', async () => {
    const version = async (name: string, schema: object): Promise<void> => {
      await mkdir(join(folder, name));
      await write(join(name, 'signup.json'), schema);
      await symlink(name, join(folder, '..data.new'));
      await rename(join(folder, '..data.new'), join(folder, '..data'));
    };
    await version('..v1', NEEDS_PLAN);
    await symlink('..data/signup.json', join(folder, 'signup.json'));
    const { violation } = await open();
    expect(violation('signup')).toBeDefined();
    await version('..v2', {});
    await vi.waitFor(() => expect(violation('signup')).toBeUndefined());
  });

  it('keeps what it has while a file or the folder cannot be used', async () => {
    await write('signup.json', NEEDS_PLAN);
    const { violation, stats } = await open();
    const reloaded = (successful: boolean): Promise<void> =>
      vi.waitFor(() => expect(stats().lastReloadSuccessful).toBe(successful));
    await write('signup.json', '{"type":');
    await write('login.json', { $ref: 'https://x.example/' });
    await reloaded(false);
    expect(violation('signup')).toBeDefined();
    expect(stats().types).toEqual(['signup']);

    await write('login.json', {});
    await write('signup.json', {});
    await reloaded(true);
    expect(violation('signup')).toBeUndefined();

    await rename(folder, `${folder}.away`);
    await reloaded(false);
    expect(stats().types).toEqual(['login', 'signup']);
    await rename(`${folder}.away`, folder);
    await reloaded(true);
  });
});

describe('a folder of schemas that cannot be used', () => {
  const faults = (): Promise<unknown> => eventSchemaFaults({ folder, mode: 'report' });

  it('stops the start with every fault', async () => {
    await write('a.json', '{');
    await write('b.json', {});
    await write('c.json', { $ref: 'b.json' });
    await mkdir(join(folder, 'd.json'));
    const reasons = [
      expect.stringMatching(/^a\.json is no JSON: /),
      expect.stringMatching(/^c\.json has a remote reference at #\/\$ref/),
      'd.json cannot be read: it is a directory (EISDIR)',
    ];
    await expect(faults()).resolves.toEqual(
      reasons.map((reason: unknown) => ({ name: 'EVENT_SCHEMAS', reason })),
    );
    await expect(open()).rejects.toThrow(/^EVENT_SCHEMAS: a\.json is no JSON/);
  });

  it('is one of too many', async () => {
    for (let index = 0; index < 1001; index += 1) {
      await writeFile(join(folder, `t${index}.json`), '{}');
    }
    await expect(faults()).resolves.toEqual([
      { name: 'EVENT_SCHEMAS', reason: 'names a folder of more than 1000 schemas' },
    ]);
  });

  it('is one that is empty, or not there', async () => {
    await expect(faults()).resolves.toEqual([
      {
        name: 'EVENT_SCHEMAS',
        reason: 'names a folder without a schema, such as signup.json',
      },
    ]);
    await rm(folder, { recursive: true });
    await expect(faults()).resolves.toEqual([
      {
        name: 'EVENT_SCHEMAS',
        reason: 'names a folder that cannot be read: it does not exist (ENOENT)',
      },
    ]);
  });
});
