import { expect } from 'vitest';
import { ledgerOf, settle, type Undelivered } from '../../../src/delivery/accounting.js';
import type { Ledger, QueueStats } from '../../../src/metrics/pipeline-observer.js';
import type { Batch, EventQueue, Readers, ReplayMark } from '../../../src/queueing/event-queue.js';
import { RecordingObserver } from '../fakes/recording-observer.js';
import { Tally } from '../load/tally.js';
import type { QueueHarness } from './queue-harness.js';

export type SinkName = 'a' | 'b' | 'c';
export const never = new AbortController().signal;

/** It ends what hangs: a turn takes microseconds, and what it waits for may be the disk of a busy machine. */
export const MANY_TURNS = 1_000_000;
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export const tally = new Tally();
export const count = (what: string, times = 1): void => tally.add(what, times);

/** What stands at one position. An event that was not confirmed may be found there, be damaged, or neither. */
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
  /** Position after what was read. */
  handed: number;
  /** Where it may stand as well after the next start: commits that were not confirmed. */
  possible: Place[] = [];

  constructor(public place: Place) {
    this.handed = place.position;
  }
}

export class Model {
  readonly log: Entry[] = [];
  /** Events that were not confirmed, in order; after the next start the first of them may be in the log. */
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

/** The queue itself, as any driver keeps it. */
export class Real<Harness extends QueueHarness = QueueHarness> {
  queue!: EventQueue & Readers;
  observer = new RecordingObserver();

  constructor(readonly harness: Harness) {}

  async open(sinks: Iterable<string>): Promise<void> {
    this.observer = new RecordingObserver();
    this.queue = await this.harness.open([...sinks], this.observer);
  }

  async stats(): Promise<QueueStats> {
    const stats = await this.observer.queueStats?.();
    if (!stats) {
      throw new Error('the queue did not report that it is open');
    }
    return stats;
  }
}

export const buffers = (events: readonly string[]): Buffer[] =>
  events.map((json) => Buffer.from(json));

/** How long the queue's log is, by what each of its sinks says. */
function lengthOf(model: Model, queue: Readers): number {
  const lengths = [...model.sinks].map(
    ([name, { place }]) => place.start + queue.reader(name).progress.accepted,
  );
  expect(new Set(lengths).size).toBe(1);
  return lengths[0] as number;
}

/** What has to be true after each command. */
export function expectAgreement(model: Model, { queue, harness }: Real): void {
  expect(lengthOf(model, queue)).toBe(model.log.length);
  expect(queue.state === 'failing').toBe(model.failing);
  for (const [name, { place }] of model.sinks) {
    const { progress, account, depth } = queue.reader(name);
    const { replay } = account;
    const ledger = ledgerOf(progress, account);
    expect({ name, ledger, replay }).toEqual({
      name,
      ledger: { ...model.ledger(place), ...harness.moreProgress },
      replay: place.replay,
    });
    expect(depth).toBe(model.log.length - place.position);
    const { accepted, delivered, queued, deadLettered, purged, corrupt } = ledger;
    expect(delivered + queued + deadLettered + purged + corrupt).toBe(accepted);
    expect(Math.min(delivered, queued, deadLettered, purged, corrupt)).toBeGreaterThanOrEqual(0);
  }
}

/**
 * Takes over what the queue has found of that which was not confirmed; everything else has to be there.
 * The queue may have to estimate how many events a power cut has left.
 */
export function reconcile(model: Model, { queue, harness }: Real, afterPowerCut = false): void {
  const length = lengthOf(model, queue);
  expect(length).toBeGreaterThanOrEqual(model.log.length);
  if (!afterPowerCut) {
    expect(length).toBeLessThanOrEqual(model.log.length + model.maybe.length);
  }
  for (let index = 0; model.log.length < length; index += 1) {
    model.log.push({ json: model.maybe[index], fate: 'unknown' });
    count('unconfirmed events that came back');
  }
  model.maybe = [];
  for (const [name, sink] of model.sinks) {
    const { progress, account } = queue.reader(name);
    const { replay } = account;
    const ledger = ledgerOf(progress, account);
    const all = [sink.place, ...sink.possible];
    const found = all.find(
      (place) =>
        JSON.stringify([{ ...model.ledger(place), ...harness.moreProgress }, place.replay]) ===
        JSON.stringify([ledger, replay]),
    );
    expect(found, `${name}: ${JSON.stringify({ ledger, replay, all })}`).toBeDefined();
    count('unconfirmed commits that came back', found === sink.place ? 0 : 1);
    sink.place = found ?? sink.place;
    sink.possible = [];
    sink.handed = sink.place.position;
  }
  model.older.clear();
  model.failing = false;
}

export async function close(model: Model, real: Real): Promise<void> {
  await real.queue.close();
  real.harness.repair();
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

/** What is damaged, or was not confirmed, may be left out: that is found out when it is read. */
export function expectPeeked({ log }: Model, from: number, { events, end }: Batch): void {
  expect(end).toBeGreaterThanOrEqual(from);
  expect(end).toBeLessThanOrEqual(log.length);
  expect(end > from).toBe(from < log.length);
  for (const { position, json } of events) {
    expect({ position, json: json.toString() }).toEqual({ position, json: log[position]?.json });
  }
  const seen = new Set(events.map(({ position }) => position));
  for (let position = from; position < end; position += 1) {
    expect(seen.has(position) || log[position]?.fate !== 'there').toBe(true);
  }
  count('events that were peeked at', events.length);
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

/** A share of each batch goes to the dead letters. */
export async function deliverAll(
  model: Model,
  queue: Readers,
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
export async function beginQueue<Harness extends QueueHarness>(
  harness: Harness,
): Promise<{ readonly model: Model; readonly real: Real<Harness> }> {
  const model = new Model();
  const real = new Real(harness);
  await real.open(['a', 'b']);
  model.sinks.set('a', new SinkModel({ start: 0, position: 0, ...NEW_PLACE }));
  model.sinks.set('b', new SinkModel({ start: 0, position: 0, ...NEW_PLACE }));
  return { model, real };
}

export async function removeQueue({ queue, harness }: Real): Promise<void> {
  harness.repair();
  await queue.close().catch(() => undefined);
  await harness.remove();
}
