import type fc from 'fast-check';
import { expect } from 'vitest';
import {
  beginReplay,
  endReplay,
  purgeDeadLetters,
  settle,
  settleReplay,
} from '../../../src/delivery/accounting.js';
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
  expectPeeked,
  type Model,
  never,
  NEW_PLACE,
  type Real,
  reconcile,
  restart,
  settled,
  type Settling,
  SinkModel,
  type SinkName,
  MANY_TURNS,
  turn,
} from './queue-model.js';

export abstract class Command<R extends Real = Real> implements fc.AsyncCommand<Model, R> {
  check(_model: Readonly<Model>): boolean {
    return true;
  }

  async run(model: Model, real: R): Promise<void> {
    count(this.constructor.name);
    await this.apply(model, real);
    expectAgreement(model, real);
  }

  protected abstract apply(model: Model, real: R): Promise<void>;

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

  protected async apply(model: Model, real: Real): Promise<void> {
    const { queue, harness } = real;
    const groups = this.calls.map((sizes) => model.newEvents(sizes));
    const { bytes, capacityBytes } = await real.stats();
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
    const wanted = groups.reduce((sum, group) => sum + harness.bytesOf(buffers(group)), bytes);
    groups.forEach((group, index) =>
      expectOutcome(model, group, errors[index], wanted > capacityBytes),
    );
    model.failing ||= errors.some((error) => error instanceof QueueUnavailableError);
    await expectWithinBound(model, real);
  }
}

async function expectWithinBound(model: Model, real: Real): Promise<void> {
  const { bytes, capacityBytes } = await real.stats();
  expect(model.failing || bytes <= capacityBytes).toBe(true);
}

function expectOutcome(
  model: Model,
  group: readonly string[],
  error: unknown,
  mayBeFull: boolean,
): void {
  if (error instanceof QueueFullError) {
    expect(mayBeFull).toBe(true);
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

export class Peek extends SinkCommand {
  constructor(
    name: SinkName,
    /** Where it begins, as a share of what is queued. */
    readonly at: number,
    readonly maxEvents: number,
    readonly maxBytes: number,
  ) {
    super(name);
  }

  protected async apply(model: Model, { queue }: Real): Promise<void> {
    const { place } = model.sink(this.name);
    const from = place.position + Math.floor((model.log.length - place.position) * this.at);
    const bounds = { maxEvents: this.maxEvents, maxBytes: this.maxBytes, lingerMs: 0 };
    expectPeeked(model, from, await queue.reader(this.name).peek(from, bounds));
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
    await change(model, sink, next, () =>
      queue.reader(this.name).commit(position, settle(undelivered)),
    );
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
      () => queue.reader(this.name).updateAccount(beginReplay('replayed', events)),
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
          .updateAccount(
            settleReplay(offset, events, { deadLettered: refused, purged: 0, replayed: 0 }),
          ),
    );
  }
}

export class EndReplay extends ReplayCommand {
  protected async apply(model: Model, { queue }: Real): Promise<void> {
    const sink = model.sink(this.name);
    const { place } = sink;
    const purged = place.purged + (place.replay?.queued ?? 0);
    await change(model, sink, { ...place, purged, replay: undefined }, () =>
      queue.reader(this.name).updateAccount(endReplay),
    );
  }
}

export class Purge extends SinkCommand {
  protected async apply(model: Model, { queue }: Real): Promise<void> {
    const sink = model.sink(this.name);
    const { place } = sink;
    const purged = place.purged + place.deadLettered;
    await change(model, sink, { ...place, purged, deadLettered: 0 }, () =>
      queue.reader(this.name).updateAccount(purgeDeadLetters),
    );
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

/** It has undelivered events, which are given up only when that is asked for. */
async function forget(
  real: Real,
  name: SinkName,
  others: readonly SinkName[],
  queued: number,
): Promise<void> {
  await expect(real.open(others)).rejects.toThrow(`${queued} undelivered event(s)`);
  expect(await real.harness.forget(name)).toBe(queued);
  count('forgotten sinks');
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
    for (let turns = 0; turns < MANY_TURNS && queue.state === 'full'; turns += 1) {
      await turn();
    }
    await queue.append(buffers([event]));
    model.append([event]);
    count('full queues that took events again', wasFull ? 1 : 0);
  }
}

/** Sees that everything is there, and can be delivered. */
export async function drainQueue(model: Model, real: Real): Promise<void> {
  await restart(model, real);
  await new Drain().run(model, real);
}
