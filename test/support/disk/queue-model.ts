import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Ledger } from '../../../src/metrics/pipeline-observer.js';
import { EmbeddedQueue } from '../../../src/queueing/embedded/embedded-queue.js';
import { ledgerOf, settle, type Undelivered } from '../../../src/delivery/accounting.js';
import type { Batch, ReplayMark } from '../../../src/queueing/event-queue.js';
import { RecordingObserver } from '../fakes/recording-observer.js';
import { Tally } from '../load/tally.js';
import { disk } from './unreliable-disk.js';

/** A few segments of 64 KiB, the smallest there are. */
export const MAX_BYTES = 256 * 1024;
const BLOCK_BYTES = 88;
const ENTRY_BYTES = 9;
export type SinkName = 'a' | 'b' | 'c';
export const never = new AbortController().signal;

export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export const tally = new Tally();
export const count = (what: string, times = 1): void => tally.add(what, times);

/** What stands at one position. An event that nobody was told of may be found there, be damaged, or neither. */
interface Entry {
  readonly json: string | undefined;
  fate: 'there' | 'corrupt' | 'unknown';
}

interface Place {
  readonly start: number;
  readonly position: number;
  readonly deadLettered: number;
  readonly purged: number;
  readonly corrupt: number;
  readonly replay: ReplayMark | undefined;
}

export const NEW_PLACE = { deadLettered: 0, purged: 0, corrupt: 0, replay: undefined };

export class SinkModel {
  /** Position behind what was read. */
  handed: number;
  /** Where it may stand as well after the next start: nobody was told that it does. */
  possible: Place[] = [];

  constructor(public place: Place) {
    this.handed = place.position;
  }
}

export class Model {
  readonly log: Entry[] = [];
  /** Events that nobody was told of, in order; after the next start the first of them may be in the log. */
  maybe: string[] = [];
  readonly sinks = new Map<SinkName, SinkModel>();
  /** Where the sinks stood before the last change: what one of the two slots may still say. */
  readonly older = new Map<SinkName, Place>();
  broken = false;
  /** The queue has noticed. */
  failing = false;
  private events = 0;

  sink(name: SinkName): SinkModel {
    return this.sinks.get(name) as SinkModel;
  }

  newEvents(sizes: readonly number[]): string[] {
    return sizes.map((size) => JSON.stringify({ e: `${(this.events += 1)}:${'x'.repeat(size)}` }));
  }

  append(events: readonly string[]): void {
    this.log.push(...events.map((json) => ({ json, fate: 'there' as const })));
  }

  ledger({ start, position, deadLettered, purged, corrupt, replay }: Place): Ledger {
    const again = replay?.queued ?? 0;
    return {
      accepted: this.log.length - start,
      delivered: position - start - again - deadLettered - purged - corrupt,
      queued: this.log.length - position + again,
      deadLettered,
      purged,
      corrupt,
    };
  }
}

export class Real {
  queue!: EmbeddedQueue;
  observer = new RecordingObserver();

  private constructor(public directory: string) {}

  static async create(): Promise<Real> {
    return new Real(await newDirectory());
  }

  async open(sinks: Iterable<string>): Promise<void> {
    this.observer = new RecordingObserver();
    this.queue = await EmbeddedQueue.open(
      { directory: this.directory, maxBytes: MAX_BYTES, sinks: [...sinks] },
      this.observer,
    );
  }
}

export function newDirectory(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'gotrack-model-'));
}

export const buffers = (events: readonly string[]): Buffer[] =>
  events.map((json) => Buffer.from(json));
export const sizeOf = (events: readonly string[]): number =>
  events.reduce((sum, json) => sum + json.length + ENTRY_BYTES, BLOCK_BYTES);

/** What has to be true after each command. */
export function expectAgreement(model: Model, { queue }: Real): void {
  expect(queue.tail).toBe(model.log.length);
  expect(queue.state === 'failing').toBe(model.failing);
  for (const [name, { place }] of model.sinks) {
    const { progress, account, depth } = queue.reader(name);
    const { replay } = account;
    const ledger = ledgerOf(progress, account);
    expect({ name, ledger, replay }).toEqual({
      name,
      ledger: model.ledger(place),
      replay: place.replay,
    });
    expect(depth).toBe(model.log.length - place.position);
    const { accepted, delivered, queued, deadLettered, purged, corrupt } = ledger;
    expect(delivered + queued + deadLettered + purged + corrupt).toBe(accepted);
    expect(Math.min(delivered, queued, deadLettered, purged, corrupt)).toBeGreaterThanOrEqual(0);
  }
}

/**
 * Takes over what the queue has found of that which nobody was told of; everything else has to be there.
 * Of what a power cut has left, the queue may have to estimate how many events it was.
 */
export function reconcile(model: Model, { queue }: Real, afterPowerCut = false): void {
  expect(queue.tail).toBeGreaterThanOrEqual(model.log.length);
  if (!afterPowerCut) {
    expect(queue.tail).toBeLessThanOrEqual(model.log.length + model.maybe.length);
  }
  for (let index = 0; model.log.length < queue.tail; index += 1) {
    model.log.push({ json: model.maybe[index], fate: 'unknown' });
    count('events that nobody was told of came back');
  }
  model.maybe = [];
  for (const [name, sink] of model.sinks) {
    const { progress, account } = queue.reader(name);
    const { replay } = account;
    const ledger = ledgerOf(progress, account);
    const all = [sink.place, ...sink.possible];
    const found = all.find(
      (place) =>
        JSON.stringify([model.ledger(place), place.replay]) === JSON.stringify([ledger, replay]),
    );
    expect(found, `${name}: ${JSON.stringify({ ledger, replay, all })}`).toBeDefined();
    count('commits that nobody was told of came back', found === sink.place ? 0 : 1);
    sink.place = found ?? sink.place;
    sink.possible = [];
    sink.handed = sink.place.position;
  }
  model.older.clear();
  model.failing = false;
}

export async function close(model: Model, real: Real): Promise<void> {
  await real.queue.close();
  mend(model);
}

function mend(model: Model): void {
  disk.forget();
  disk.failing = undefined;
  model.broken = false;
}

export async function restart(model: Model, real: Real): Promise<void> {
  await close(model, real);
  await real.open(model.sinks.keys());
  reconcile(model, real);
}

/** A change of the sink's place, which fails when the disk does. */
export async function change(
  model: Model,
  sink: SinkModel,
  next: Place,
  operation: () => Promise<void>,
): Promise<void> {
  const failed = await operation().then(
    () => false,
    () => true,
  );
  expect(failed).toBe(model.broken);
  if (failed) {
    sink.possible.push(next);
    count('failed commits');
  } else {
    model.sinks.forEach((other, name) => {
      model.older.set(name, other.place);
      other.possible = [];
    });
    sink.place = next;
  }
}

export function expectBatch(
  model: Model,
  sink: SinkModel,
  { events, end }: Batch,
  bounds: { maxEvents: number; maxBytes: number },
): void {
  expect(end).toBeGreaterThan(sink.handed);
  expect(end).toBeLessThanOrEqual(model.log.length);
  const found = new Map(events.map(({ position, json }) => [position, json.toString()]));
  expect(events.map(({ position }) => position)).toEqual(
    [...found.keys()].toSorted((a, b) => a - b),
  );
  let bytes = 0;
  for (let position = sink.handed; position < end; position += 1) {
    const entry = model.log[position] as Entry;
    const json = found.get(position);
    found.delete(position);
    if (json === undefined) {
      expect({ position, fate: entry.fate }).not.toEqual({ position, fate: 'there' });
      count('damaged events', entry.fate === 'unknown' ? 1 : 0);
      entry.fate = 'corrupt';
    } else {
      expect({ position, fate: entry.fate }).not.toEqual({ position, fate: 'corrupt' });
      expect({ position, json }).toEqual({ position, json: entry.json });
      entry.fate = 'there';
      bytes += json.length;
    }
  }
  expect([...found]).toEqual([]);
  expect(events.length).toBeLessThanOrEqual(bounds.maxEvents);
  expect(events.length <= 1 || bytes <= bounds.maxBytes).toBe(true);
  const next = model.log[end];
  if (next?.fate === 'there') {
    expect(
      events.length === bounds.maxEvents || bytes + (next.json?.length ?? 0) > bounds.maxBytes,
    ).toBe(true);
  }
  sink.handed = end;
}

/** How much of what was read is settled, and what became of it: shares of what is possible. */
export interface Settling {
  readonly part: number;
  readonly deadLettered: number;
  readonly purged: number;
  readonly replayed: number;
}

export function settled(
  model: Model,
  { place, handed }: SinkModel,
  { part, ...shares }: Settling,
): { readonly position: number; readonly undelivered: Undelivered; readonly next: Place } {
  const position = place.position + Math.round((handed - place.position) * part);
  const entries = model.log.slice(place.position, position);
  let left = entries.filter(({ fate }) => fate === 'there').length;
  const corrupt = entries.length - left;
  const take = (share: number, atMost = Infinity): number => {
    const taken = Math.min(Math.ceil(left * share), atMost);
    left -= taken;
    return taken;
  };
  const { replay } = place;
  const undelivered = {
    deadLettered: take(shares.deadLettered),
    purged: take(shares.purged),
    replayed: replay ? take(shares.replayed, replay.remaining - replay.queued) : 0,
  };
  return {
    position,
    undelivered,
    next: {
      ...place,
      position,
      deadLettered: place.deadLettered + undelivered.deadLettered,
      purged: place.purged + undelivered.purged,
      corrupt: place.corrupt + corrupt,
      replay: replay && { ...replay, queued: replay.queued + undelivered.replayed },
    },
  };
}

/** Of each batch, a share goes to the dead letters. */
export async function deliverAll(
  model: Model,
  queue: EmbeddedQueue,
  name: SinkName,
  deadLettered: number,
): Promise<void> {
  const bounds = { maxEvents: 100, maxBytes: 50_000, lingerMs: 0 };
  const sink = model.sink(name);
  const reader = queue.reader(name);
  for (;;) {
    if (sink.handed < model.log.length) {
      expectBatch(model, sink, await reader.read(bounds, never), bounds);
    }
    if (sink.handed === sink.place.position) {
      return;
    }
    const all = { part: 1, deadLettered, purged: 0, replayed: 0 };
    const { position, undelivered, next } = settled(model, sink, all);
    await change(model, sink, next, () => reader.commit(position, settle(undelivered)));
    count('dead letters', undelivered.deadLettered);
  }
}

/** A new queue with the sinks a and b. */
export async function beginQueue(): Promise<{ readonly model: Model; readonly real: Real }> {
  const model = new Model();
  const real = await Real.create();
  await real.open(['a', 'b']);
  model.sinks.set('a', new SinkModel({ start: 0, position: 0, ...NEW_PLACE }));
  model.sinks.set('b', new SinkModel({ start: 0, position: 0, ...NEW_PLACE }));
  return { model, real };
}

export async function removeQueue(model: Model, real: Real): Promise<void> {
  disk.letGo();
  mend(model);
  await real.queue.close().catch(() => undefined);
  await rm(real.directory, { recursive: true, force: true });
}
