import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { expect, vi } from 'vitest';
import { settle } from '../../../src/delivery/accounting.js';
import { QueueFullError } from '../../../src/queueing/event-queue.js';
import { type EmbeddedHarness, newDirectory } from './embedded-harness.js';
import { Command } from './queue-commands.js';
import {
  buffers,
  close,
  count,
  type Model,
  type Real,
  reconcile,
  settled,
  type Settling,
  type SinkModel,
  type SinkName,
  MANY_TURNS,
  turn,
} from './queue-model.js';
import { disk, type Unsynced } from './unreliable-disk.js';

const PROBE_INTERVAL_MS = 250;

export type EmbeddedReal = Real<EmbeddedHarness>;

export class NewestSlotIsDamaged extends Command<EmbeddedReal> {
  constructor(readonly at: number) {
    super();
  }

  protected async apply(model: Model, real: EmbeddedReal): Promise<void> {
    await close(model, real);
    const path = join(real.harness.directory, 'cursors');
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

export class DiskRecovers extends Command {
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

/** What a power cut makes of bytes that were written and not synced. */
export type Remains = 'whole' | 'cut' | 'zero' | 'garbage' | 'pages';

function answeredBeforeCrash(model: Model, group: readonly string[]): void {
  expect(model.maybe).toEqual([]);
  model.append(group);
  count('crashes after an answer');
}

export class Crash extends Command<EmbeddedReal> {
  constructor(
    readonly calls: readonly (readonly number[])[],
    readonly settlings: readonly Settling[],
    /** Whether syncs return while it happens. */
    readonly held: boolean,
    /** How many turns of the event loop lie between what is begun and the crash; or what the crash waits for. */
    readonly turns: number | 'written' | 'answered',
    readonly power: boolean,
    readonly remains: readonly Remains[],
    readonly from: number,
    readonly garbage: number,
  ) {
    super();
  }

  protected async apply(model: Model, real: EmbeddedReal): Promise<void> {
    const { queue, harness } = real;
    const { directory } = harness;
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
    await this.pass(() => outcomes.every((outcome) => outcome !== undefined));

    const after = await newDirectory();
    const inherited = this.leaveBehind(directory, after);
    const outcomesThen = [...outcomes];
    const confirmed = commits.map((commit) => commit?.confirmed());

    disk.release();
    await Promise.all([...appends, ...commits.map((commit) => commit?.ended)]);
    await close(model, real);
    await rm(directory, { recursive: true });
    harness.directory = after;
    disk.inherit(inherited);

    groups.forEach((group, index) => {
      if (outcomesThen[index] === 'answered') {
        answeredBeforeCrash(model, group);
      } else if (outcomesThen[index] !== 'full' && !model.failing) {
        model.maybe.push(...group);
        count('crashes with an append in flight');
      }
    });
    count('crashes with a commit in flight', confirmed.filter((was) => was === false).length);
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

  private async pass(areAnswered: () => boolean): Promise<void> {
    const isWritten = (name: string): boolean =>
      disk.unsynced.some(({ path }) => path.endsWith(name));
    const isOver = (turns: number): boolean => {
      switch (this.turns) {
        case 'written':
          return isWritten('.segment') && isWritten('cursors');
        case 'answered':
          return areAnswered();
        default:
          return turns >= this.turns;
      }
    };
    for (let turns = 0; turns < MANY_TURNS && !isOver(turns); turns += 1) {
      await turn();
    }
  }

  private beginCommit(
    model: Model,
    { queue }: EmbeddedReal,
    name: SinkName,
    sink: SinkModel,
    settling: Settling | undefined,
  ): { readonly ended: Promise<unknown>; readonly confirmed: () => boolean } | undefined {
    if (!settling || sink.handed === sink.place.position) {
      return undefined;
    }
    const { position, undelivered, next } = settled(model, sink, settling);
    let done = false;
    const ended = queue
      .reader(name)
      .commit(position, settle(undelivered))
      .then(
        () => (done = true),
        () => undefined,
      );
    return {
      ended,
      confirmed: () => {
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
