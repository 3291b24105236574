import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type fc from 'fast-check';
import { expect, vi } from 'vitest';
import type { Ledger } from '../../src/metrics/pipeline-observer.js';
import { EmbeddedQueue } from '../../src/queueing/embedded/embedded-queue.js';
import { forgetSink } from '../../src/queueing/embedded/queue-status.js';
import {
  type Batch,
  QueueFullError,
  QueueUnavailableError,
  type ReplayMark,
  type Undelivered,
} from '../../src/queueing/event-queue.js';
import { RecordingObserver } from './recording-observer.js';
import { Tally } from './tally.js';
import { disk, type Unsynced } from './unreliable-disk.js';

/** A few segments of 64 KiB, the smallest there are. */
const MAX_BYTES = 256 * 1024;
const BLOCK_BYTES = 88;
const ENTRY_BYTES = 9;
const PROBE_INTERVAL_MS = 250;
export type SinkName = 'a' | 'b' | 'c';
const never = new AbortController().signal;

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export const tally = new Tally();
const count = (what: string, times = 1): void => tally.add(what, times);

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

const NEW_PLACE = { deadLettered: 0, purged: 0, corrupt: 0, replay: undefined };

class SinkModel {
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

function newDirectory(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'gotrack-model-'));
}

const buffers = (events: readonly string[]): Buffer[] => events.map((json) => Buffer.from(json));
const sizeOf = (events: readonly string[]): number =>
  events.reduce((sum, json) => sum + json.length + ENTRY_BYTES, BLOCK_BYTES);

/** What has to be true after each command. */
function expectAgreement(model: Model, { queue }: Real): void {
  expect(queue.tail).toBe(model.log.length);
  expect(queue.state === 'failing').toBe(model.failing);
  for (const [name, { place }] of model.sinks) {
    const { ledger, replay, depth } = queue.reader(name);
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
function reconcile(model: Model, { queue }: Real, afterPowerCut = false): void {
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
    const { ledger, replay } = queue.reader(name);
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

async function close(model: Model, real: Real): Promise<void> {
  await real.queue.close();
  mend(model);
}

function mend(model: Model): void {
  disk.forget();
  disk.failing = undefined;
  model.broken = false;
}

async function restart(model: Model, real: Real): Promise<void> {
  await close(model, real);
  await real.open(model.sinks.keys());
  reconcile(model, real);
}

/** A change of the sink's place, which fails when the disk does. */
async function change(
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

function expectBatch(
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

function settled(
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
async function deliverAll(
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
    await change(model, sink, next, () => reader.commit(position, undelivered));
    count('dead letters', undelivered.deadLettered);
  }
}

export abstract class Command implements fc.AsyncCommand<Model, Real> {
  check(_model: Readonly<Model>): boolean {
    return true;
  }

  async run(model: Model, real: Real): Promise<void> {
    count(this.constructor.name);
    await this.apply(model, real);
    expectAgreement(model, real);
  }

  protected abstract apply(model: Model, real: Real): Promise<void>;

  toString(): string {
    return `${this.constructor.name} ${JSON.stringify(this)}`;
  }
}

abstract class SinkCommand extends Command {
  constructor(readonly name: SinkName) {
    super();
  }

  override check({ sinks }: Readonly<Model>): boolean {
    return sinks.has(this.name);
  }
}

export class Append extends Command {
  constructor(
    /** Bytes of each event of each call. */
    readonly calls: readonly (readonly number[])[],
    /** The calls come one after the other, and not at the same moment. */
    readonly apart: boolean,
  ) {
    super();
  }

  protected async apply(model: Model, { queue }: Real): Promise<void> {
    const groups = this.calls.map((sizes) => model.newEvents(sizes));
    const { bytes } = await queue.figures();
    const appends: Promise<unknown>[] = [];
    for (const group of groups) {
      appends.push(
        queue.append(buffers(group)).then(
          () => undefined,
          (error: unknown) => error,
        ),
      );
      if (this.apart) {
        await turn();
      }
    }
    const errors = await Promise.all(appends);
    const wanted = groups.reduce((sum, group) => sum + sizeOf(group), bytes);
    groups.forEach((group, index) => expectOutcome(model, group, errors[index], wanted));
    model.failing ||= errors.some((error) => error instanceof QueueUnavailableError);
    await expectWithinBound(model, queue);
  }
}

function expectOutcome(
  model: Model,
  group: readonly string[],
  error: unknown,
  bytesWanted: number,
): void {
  if (error instanceof QueueFullError) {
    expect(bytesWanted).toBeGreaterThan(MAX_BYTES);
    count('full');
  } else if (model.broken) {
    expect(error).toBeInstanceOf(QueueUnavailableError);
    count('refused by a failing disk');
    if (!model.failing) {
      model.maybe.push(...group);
    }
  } else {
    expect(error).toBeUndefined();
    model.append(group);
  }
}

async function expectWithinBound(model: Model, queue: EmbeddedQueue): Promise<void> {
  if (!model.failing) {
    expect((await queue.figures()).bytes).toBeLessThanOrEqual(MAX_BYTES);
  }
}

export class Read extends SinkCommand {
  constructor(
    name: SinkName,
    readonly maxEvents: number,
    readonly maxBytes: number,
  ) {
    super(name);
  }

  override check(model: Readonly<Model>): boolean {
    return super.check(model) && model.sink(this.name).handed < model.log.length;
  }

  protected async apply(model: Model, { queue }: Real): Promise<void> {
    const { maxEvents, maxBytes } = this;
    const bounds = { maxEvents, maxBytes, lingerMs: 0 };
    const batch = await queue.reader(this.name).read(bounds, never);
    expectBatch(model, model.sink(this.name), batch, bounds);
  }
}

export class Commit extends SinkCommand {
  constructor(
    name: SinkName,
    readonly settling: Settling,
  ) {
    super(name);
  }

  override check(model: Readonly<Model>): boolean {
    return (
      super.check(model) && model.sink(this.name).handed > model.sink(this.name).place.position
    );
  }

  protected async apply(model: Model, { queue }: Real): Promise<void> {
    const sink = model.sink(this.name);
    const { position, undelivered, next } = settled(model, sink, this.settling);
    await change(model, sink, next, () => queue.reader(this.name).commit(position, undelivered));
    count('commits within a batch', position < sink.handed ? 1 : 0);
    count('dead letters', undelivered.deadLettered);
  }
}

export class BeginReplay extends SinkCommand {
  constructor(
    name: SinkName,
    /** Dead letters that are in the file twice. */
    readonly twice: number,
  ) {
    super(name);
  }

  override check(model: Readonly<Model>): boolean {
    return super.check(model) && model.sink(this.name).place.replay === undefined;
  }

  protected async apply(model: Model, { queue }: Real): Promise<void> {
    const sink = model.sink(this.name);
    const { deadLettered } = sink.place;
    const events = deadLettered + this.twice;
    await change(
      model,
      sink,
      {
        ...sink.place,
        deadLettered: 0,
        replay: { file: 'replayed', offset: 0, remaining: events, queued: deadLettered },
      },
      () => queue.reader(this.name).beginReplay('replayed', events),
    );
    count('replayed events', deadLettered);
  }
}

abstract class ReplayCommand extends SinkCommand {
  override check(model: Readonly<Model>): boolean {
    return super.check(model) && model.sink(this.name).place.replay !== undefined;
  }
}

export class SettleReplay extends ReplayCommand {
  constructor(
    name: SinkName,
    /** Shares: of what remains, and of these. */
    readonly part: number,
    readonly deadLettered: number,
  ) {
    super(name);
  }

  protected async apply(model: Model, { queue }: Real): Promise<void> {
    const sink = model.sink(this.name);
    const { place } = sink;
    const replay = place.replay as ReplayMark;
    const events = Math.round(replay.remaining * this.part);
    const remaining = replay.remaining - events;
    // Those that the ledger does not have come first.
    const leaving = Math.max(0, replay.queued - remaining);
    const refused = Math.ceil(events * this.deadLettered);
    const deadLettered = Math.min(leaving, refused);
    const offset = replay.offset + events * 100;
    count('replayed events that were refused again', deadLettered);
    await change(
      model,
      sink,
      {
        ...place,
        deadLettered: place.deadLettered + deadLettered,
        replay: { ...replay, offset, remaining, queued: replay.queued - leaving },
      },
      () =>
        queue
          .reader(this.name)
          .settleReplay(offset, events, { deadLettered: refused, purged: 0, replayed: 0 }),
    );
  }
}

export class EndReplay extends ReplayCommand {
  protected async apply(model: Model, { queue }: Real): Promise<void> {
    const sink = model.sink(this.name);
    const { place } = sink;
    const purged = place.purged + (place.replay?.queued ?? 0);
    await change(model, sink, { ...place, purged, replay: undefined }, () =>
      queue.reader(this.name).endReplay(),
    );
  }
}

export class Purge extends SinkCommand {
  protected async apply(model: Model, { queue }: Real): Promise<void> {
    const sink = model.sink(this.name);
    const { place } = sink;
    const purged = place.purged + place.deadLettered;
    await change(model, sink, { ...place, purged, deadLettered: 0 }, () =>
      queue.reader(this.name).purgeDeadLetters(),
    );
  }
}

export class NewestSlotIsDamaged extends Command {
  constructor(readonly at: number) {
    super();
  }

  protected async apply(model: Model, real: Real): Promise<void> {
    await close(model, real);
    const path = join(real.directory, 'cursors');
    const bytes = readFileSync(path);
    const slotBytes = bytes.length / 2;
    const generationAt = 12;
    const newest =
      bytes.readDoubleLE(generationAt) > bytes.readDoubleLE(slotBytes + generationAt)
        ? 0
        : slotBytes;
    const offset = newest + (this.at % 50);
    bytes.writeUInt8(bytes.readUInt8(offset) ^ 1, offset);
    writeFileSync(path, bytes);
    for (const [name, place] of model.older) {
      model.sinks.get(name)?.possible.push(place);
    }
    await real.open(model.sinks.keys());
    reconcile(model, real);
  }
}

export class Restart extends Command {
  protected async apply(model: Model, real: Real): Promise<void> {
    await restart(model, real);
  }
}

export class Join extends SinkCommand {
  override check(model: Readonly<Model>): boolean {
    return !super.check(model);
  }

  protected async apply(model: Model, real: Real): Promise<void> {
    await close(model, real);
    await real.open([...model.sinks.keys(), this.name]);
    reconcile(model, real);
    const start = model.log.length;
    model.sinks.set(this.name, new SinkModel({ start, position: start, ...NEW_PLACE }));
  }
}

export class Leave extends SinkCommand {
  override check(model: Readonly<Model>): boolean {
    return super.check(model) && model.sinks.size > 1;
  }

  protected async apply(model: Model, real: Real): Promise<void> {
    await restart(model, real);
    const { queued } = model.ledger(model.sink(this.name).place);
    const others = [...model.sinks.keys()].filter((name) => name !== this.name);
    await close(model, real);
    if (queued > 0) {
      await forget(real, this.name, others, queued);
    } else {
      count('sinks that left');
    }
    model.sinks.delete(this.name);
    await real.open(others);
    reconcile(model, real);
  }
}

/** It has undelivered events: nobody leaves them behind without saying so. */
async function forget(
  real: Real,
  name: SinkName,
  others: readonly SinkName[],
  queued: number,
): Promise<void> {
  await expect(real.open(others)).rejects.toThrow(`${queued} undelivered event(s)`);
  expect(await forgetSink(real.directory, name)).toBe(queued);
  count('forgotten sinks');
}

export class DiskBreaks extends Command {
  constructor(readonly at: 'write' | 'sync') {
    super();
  }

  override check({ broken }: Readonly<Model>): boolean {
    return !broken;
  }

  protected apply(model: Model): Promise<void> {
    disk.failing = this.at;
    model.broken = true;
    return Promise.resolve();
  }
}

export class DiskMends extends Command {
  constructor(readonly probesBefore: number) {
    super();
  }

  override check({ broken }: Readonly<Model>): boolean {
    return broken;
  }

  protected async apply(model: Model, { queue }: Real): Promise<void> {
    for (let probe = 0; probe < this.probesBefore; probe += 1) {
      await vi.advanceTimersByTimeAsync(PROBE_INTERVAL_MS);
      await turn();
    }
    disk.failing = undefined;
    model.broken = false;
    while (queue.state === 'failing') {
      await vi.advanceTimersByTimeAsync(PROBE_INTERVAL_MS);
      await turn();
    }
    count('recoveries', model.failing ? 1 : 0);
    if (model.failing) {
      model.maybe = [];
    }
    model.failing = false;
  }
}

export class Deliver extends SinkCommand {
  constructor(
    name: SinkName,
    readonly deadLettered: number,
  ) {
    super(name);
  }

  override check(model: Readonly<Model>): boolean {
    return super.check(model) && !model.broken;
  }

  protected async apply(model: Model, { queue }: Real): Promise<void> {
    await deliverAll(model, queue, this.name, this.deadLettered);
  }
}

export class Drain extends Command {
  override check({ broken }: Readonly<Model>): boolean {
    return !broken;
  }

  protected async apply(model: Model, { queue }: Real): Promise<void> {
    const wasFull = queue.state === 'full';
    for (const name of model.sinks.keys()) {
      await deliverAll(model, queue, name, 0);
    }
    // A segment that is full is given back a moment later.
    const [event = ''] = model.newEvents([10]);
    for (let turns = 0; turns < 10_000 && queue.state === 'full'; turns += 1) {
      await turn();
    }
    await queue.append(buffers([event]));
    model.append([event]);
    count('full queues that took events again', wasFull ? 1 : 0);
  }
}

/** What a power cut makes of bytes that were written and not synced. */
export type Remains = 'whole' | 'cut' | 'zero' | 'garbage' | 'pages';

function answeredBeforeCrash(model: Model, group: readonly string[]): void {
  expect(model.maybe).toEqual([]);
  model.append(group);
  count('crashes behind an answer');
}

export class Crash extends Command {
  constructor(
    readonly calls: readonly (readonly number[])[],
    readonly settlings: readonly Settling[],
    /** Whether syncs return while it happens. */
    readonly held: boolean,
    /** Of the event loop, between what is begun and the crash. */
    readonly turns: number,
    readonly power: boolean,
    readonly remains: readonly Remains[],
    readonly from: number,
    readonly garbage: number,
  ) {
    super();
  }

  protected async apply(model: Model, real: Real): Promise<void> {
    const { queue, directory } = real;
    if (this.held) {
      disk.hold();
    }
    const groups = this.calls.map((sizes) => model.newEvents(sizes));
    const outcomes: ('answered' | 'full' | 'failed' | undefined)[] = groups.map(() => undefined);
    const appends = groups.map((group, index) =>
      queue.append(buffers(group)).then(
        () => (outcomes[index] = 'answered'),
        (error) => (outcomes[index] = error instanceof QueueFullError ? 'full' : 'failed'),
      ),
    );
    const commits = [...model.sinks].map(([name, sink], index) =>
      this.beginCommit(model, real, name, sink, this.settlings[index]),
    );
    for (let n = 0; n < this.turns; n += 1) {
      await turn();
    }

    const after = await newDirectory();
    const inherited = this.leaveBehind(directory, after);
    const outcomesThen = [...outcomes];
    const told = commits.map((commit) => commit?.told());

    disk.letGo();
    await Promise.all([...appends, ...commits.map((commit) => commit?.ended)]);
    await close(model, real);
    await rm(directory, { recursive: true });
    real.directory = after;
    disk.inherit(inherited);

    groups.forEach((group, index) => {
      if (outcomesThen[index] === 'answered') {
        answeredBeforeCrash(model, group);
      } else if (outcomesThen[index] !== 'full' && !model.failing) {
        model.maybe.push(...group);
        count('crashes with an append in flight');
      }
    });
    count('crashes with a commit in flight', told.filter((was) => was === false).length);
    count('power cuts', this.power ? 1 : 0);
    await real.open(model.sinks.keys());
    const { maybe } = model;
    const known = model.log.length;
    reconcile(model, real, this.power);
    count(
      'events in flight that were lost',
      Math.max(0, maybe.length - (model.log.length - known)),
    );
  }

  private beginCommit(
    model: Model,
    { queue }: Real,
    name: SinkName,
    sink: SinkModel,
    settling: Settling | undefined,
  ): { readonly ended: Promise<unknown>; readonly told: () => boolean } | undefined {
    if (!settling || sink.handed === sink.place.position) {
      return undefined;
    }
    const { position, undelivered, next } = settled(model, sink, settling);
    let done = false;
    const ended = queue
      .reader(name)
      .commit(position, undelivered)
      .then(
        () => (done = true),
        () => undefined,
      );
    return {
      ended,
      told: () => {
        if (done) {
          sink.place = next;
          sink.possible = [];
        } else {
          sink.possible.push(next);
        }
        return done;
      },
    };
  }

  /** @returns what is not synced in the files that are left */
  private leaveBehind(from: string, to: string): Unsynced[] {
    cpSync(from, to, { recursive: true });
    if (!this.power) {
      return disk.unsynced.map((range) => ({ ...range, path: join(to, basename(range.path)) }));
    }
    disk.unsynced.forEach(({ path, start, end }, index) => {
      const file = join(to, basename(path));
      const chosen = this.remains[index % this.remains.length] ?? 'whole';
      // A slot is written over: nothing makes its file shorter.
      const remains = chosen === 'cut' && path.endsWith('cursors') ? 'zero' : chosen;
      if (!existsSync(file) || remains === 'whole') {
        return;
      }
      const bytes = readFileSync(file);
      const damagedFrom = start + Math.floor((end - start) * this.from);
      count(path.endsWith('cursors') ? 'slots that are damaged' : `blocks that are ${remains}`);
      writeFileSync(file, this.damage(bytes, remains, damagedFrom, end));
    });
    if (this.garbage % 2 === 0) {
      for (const [path, bytes] of disk.removed) {
        const file = join(to, basename(path));
        if (!existsSync(file)) {
          writeFileSync(file, this.garbage % 4 === 0 ? bytes : '');
          count('segments that came back');
        }
      }
    }
    return [];
  }

  private damage(bytes: Buffer, remains: Remains, start: number, end: number): Buffer {
    if (remains === 'cut') {
      return bytes.subarray(0, start);
    }
    let random = this.garbage;
    for (let at = start; at < Math.min(end, bytes.length); at += 1) {
      random = (random * 1_103_515_245 + 12_345) % 2_147_483_648;
      const page = Math.floor(at / 512);
      if (
        remains === 'zero' ||
        (remains === 'pages' && (page * 2_654_435_761 + this.garbage) % 3 === 0)
      ) {
        bytes[at] = 0;
      } else if (remains === 'garbage') {
        bytes[at] = random >> 16;
      }
    }
    return bytes;
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

/** Sees that everything is there, and can be delivered. */
export async function drainQueue(model: Model, real: Real): Promise<void> {
  await restart(model, real);
  await new Drain().run(model, real);
}

export async function removeQueue(model: Model, real: Real): Promise<void> {
  disk.letGo();
  mend(model);
  await real.queue.close().catch(() => undefined);
  await rm(real.directory, { recursive: true, force: true });
}
