import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type fc from 'fast-check';
import { expect, vi } from 'vitest';
import type { EmbeddedQueue } from '../../../src/queueing/embedded/embedded-queue.js';
import { forgetSink } from '../../../src/queueing/embedded/queue-status.js';
import {
  type ReplayMark,
  QueueFullError,
  QueueUnavailableError,
} from '../../../src/queueing/event-queue.js';
import {
  buffers,
  change,
  close,
  count,
  deliverAll,
  expectAgreement,
  expectBatch,
  MAX_BYTES,
  type Model,
  never,
  NEW_PLACE,
  newDirectory,
  type Real,
  reconcile,
  restart,
  settled,
  type Settling,
  SinkModel,
  type SinkName,
  sizeOf,
  turn,
} from './queue-model.js';
import { disk, type Unsynced } from './unreliable-disk.js';

const PROBE_INTERVAL_MS = 250;

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
    const { bytes } = await queue.stats();
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
    expect((await queue.stats()).bytes).toBeLessThanOrEqual(MAX_BYTES);
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
      count(`${path.endsWith('cursors') ? 'slots' : 'blocks'} that are damaged`);
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

/** Sees that everything is there, and can be delivered. */
export async function drainQueue(model: Model, real: Real): Promise<void> {
  await restart(model, real);
  await new Drain().run(model, real);
}
