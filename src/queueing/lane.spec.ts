import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RecordingObserver } from '../../test/support/recording-observer.js';
import { ScriptedSink } from '../../test/support/scripted-sink.js';
import { RejectedBatchError, RejectedEventsError, RetryableSinkError } from '../sinks/sink.js';
import { DeadLetters } from './dead-letters.js';
import { EmbeddedQueue } from './embedded/embedded-queue.js';
import { Lane } from './lane.js';

const MIB = 1024 * 1024;

let directory: string;
let observer: RecordingObserver;
let sink: ScriptedSink;
let queue: EmbeddedQueue;
let lane: Lane;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gotrack-lane-'));
  observer = new RecordingObserver();
  sink = new ScriptedSink();
  queue = await EmbeddedQueue.open(
    { directory: join(directory, 'queue'), maxBytes: 64 * MIB, sinks: ['log'] },
    observer,
  );
  lane = newLane();
});

afterEach(async () => {
  await lane.drain(AbortSignal.abort());
  await queue.close();
  await rm(directory, { recursive: true });
});

function newLane(deadLetterBytes = MIB): Lane {
  const letters = new DeadLetters(join(directory, 'dead'), deadLetterBytes);
  const bounds = { maxEvents: 500, maxBytes: 4 * MIB, lingerMs: 1 };
  return new Lane('log', sink, queue.reader('log'), letters, bounds, observer);
}

const append = (texts: readonly string[]): Promise<void> =>
  queue.append(texts.map((text) => Buffer.from(text)));
const numbered = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `"${index}"`);
const until = (condition: () => boolean): Promise<void> =>
  vi.waitFor(() => expect(condition()).toBe(true), { timeout: 20_000, interval: 5 });
const settled = (): Promise<void> => until(() => queue.reader('log').depth === 0);

async function deadLetters(): Promise<
  { event: unknown; error: string; reason: string; sink: string }[]
> {
  const text = await readFile(join(directory, 'dead', 'log.ndjson'), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as never);
}

/** Refuses any batch that holds one of these, without saying which. */
function refuse(isBad: (text: string) => boolean): void {
  sink.onWrite = (texts) => {
    if (texts.some(isBad)) {
      throw new RejectedBatchError('violates a check constraint');
    }
  };
}

describe('Lane', () => {
  it('delivers in order and commits', async () => {
    lane.start();
    await append(numbered(1200));
    await settled();
    expect(sink.stored).toEqual(numbered(1200));
    expect(observer.total('batchWritten', 1)).toBe(1200);
  });

  it('opens the sink until it succeeds, and keeps the events meanwhile', async () => {
    sink.onOpen = () => {
      if (sink.opened < 4) {
        throw new RetryableSinkError('connection', 'refused');
      }
    };
    lane.start();
    await append(['"a"']);
    await until(() => lane.sinkState.state === 'down');
    expect(lane.sinkState.error).toBe('refused');
    await settled();
    expect(sink.stored).toEqual(['"a"']);
    expect(lane.sinkState.state).toBe('up');
    expect(observer.of('sinkWentDown')).toHaveLength(1);
    expect(observer.of('sinkWentUp')).toHaveLength(1);
  });

  it('writes the same batch again after a failure that passes', async () => {
    sink.onWrite = () => {
      if (sink.attempts.length < 3) {
        throw new RetryableSinkError('timeout', 'no answer');
      }
    };
    lane.start();
    await append(['"a"', '"b"']);
    await settled();
    expect(sink.attempts).toEqual([
      ['"a"', '"b"'],
      ['"a"', '"b"'],
      ['"a"', '"b"'],
    ]);
    expect(observer.of('batchFailed').map(([name, type]) => [name, type])).toEqual([
      ['log', 'timeout'],
      ['log', 'timeout'],
    ]);
    expect(observer.of('batchRetried')).toHaveLength(2);
  });

  it('takes an error that the sink does not name for one that passes', async () => {
    sink.onWrite = () => {
      if (sink.attempts.length === 1) {
        throw new TypeError('a bug');
      }
    };
    lane.start();
    await append(['"a"']);
    await settled();
    expect(observer.of('batchFailed')[0]?.[1]).toBe('other');
    expect(sink.stored).toEqual(['"a"']);
  });

  it('bisects a refused batch: the refused events alone become dead letters', async () => {
    const bad = new Set(['"3"', '"250"', '"499"']);
    refuse((text) => bad.has(text));
    lane.start();
    await append(numbered(500));
    await settled();
    expect(sink.stored).toEqual(numbered(500).filter((text) => !bad.has(text)));
    expect(await deadLetters()).toMatchObject(
      ['3', '250', '499'].map((event) => ({
        sink: 'log',
        reason: 'rejected',
        error: 'violates a check constraint',
        event,
      })),
    );
    expect(queue.reader('log').ledger).toMatchObject({
      accepted: 500,
      delivered: 497,
      deadLettered: 3,
    });
    expect(observer.total('eventsDeadLettered', 2)).toBe(3);
  });

  it('takes a sink at its word when it names what it refuses', async () => {
    sink.onWrite = (texts) => {
      const index = texts.indexOf('"1"');
      if (index !== -1) {
        throw new RejectedEventsError(new Map([[index, 'too large']]), 'not-written');
      }
    };
    lane.start();
    await append(numbered(3));
    await settled();
    expect(sink.attempts).toEqual([
      ['"0"', '"1"', '"2"'],
      ['"0"', '"2"'],
    ]);
    expect(await deadLetters()).toMatchObject([{ event: '1', error: 'too large' }]);
  });

  it('does not write again what the sink took beside a refused event', async () => {
    sink.onWrite = () => {
      throw new RejectedEventsError(new Map([[0, 'too large']]), 'written');
    };
    lane.start();
    await append(numbered(3));
    await settled();
    expect(sink.attempts).toHaveLength(1);
    expect(observer.of('eventsWritten')).toEqual([['log', 2]]);
    expect(queue.reader('log').ledger).toMatchObject({ delivered: 2, deadLettered: 1 });
  });

  it('holds after 100 refusals without one accepted, and goes on when the cause is gone', async () => {
    refuse(() => true);
    lane.start();
    await append(numbered(300));
    await until(() => lane.holding !== undefined);
    expect(lane.holding).toContain('violates a check constraint');
    expect(observer.total('eventsDeadLettered', 2)).toBe(100);

    refuse(() => false);
    await settled();
    expect(lane.holding).toBeUndefined();
    expect(sink.stored).toEqual(numbered(300).slice(100));
    expect(queue.reader('log').ledger).toMatchObject({
      delivered: 200,
      deadLettered: 100,
      queued: 0,
    });
  });

  it('does not hold while single events are accepted between refused ones', async () => {
    refuse((text) => Number(text.slice(1, -1)) % 50 !== 0);
    lane.start();
    await append(numbered(300));
    await settled();
    expect(sink.stored).toHaveLength(6);
    expect(queue.reader('log').ledger).toMatchObject({ delivered: 6, deadLettered: 294 });
  });

  it('holds when the dead letters are full, and throws nothing away', async () => {
    await lane.drain(AbortSignal.abort());
    sink = new ScriptedSink();
    lane = newLane(10);
    refuse((text) => text === '"0"');
    lane.start();
    await append(numbered(2));
    await until(() => lane.holding !== undefined);
    expect(lane.holding).toContain('DEAD_LETTER_MAX_MB');
    expect(queue.reader('log').depth).toBe(2);
  });

  it('drains what is queued and closes the sink', async () => {
    lane.start();
    await append(numbered(2000));
    await lane.drain(new AbortController().signal);
    expect(sink.stored).toEqual(numbered(2000));
    expect(sink.closed).toBe(true);
    expect(queue.reader('log').depth).toBe(0);
  });

  it('gives up draining at the deadline and leaves the rest queued', async () => {
    sink.onWrite = () => {
      throw new RetryableSinkError('connection', 'refused');
    };
    lane.start();
    await append(numbered(5));
    await until(() => sink.attempts.length > 0);
    const deadline = new AbortController();
    const drained = lane.drain(deadline.signal);
    deadline.abort();
    await drained;
    expect(sink.closed).toBe(true);
    expect(queue.reader('log').depth).toBe(5);
  });

  it('writes nothing more to a sink that it has closed', async () => {
    let refuseLate: () => void = () => {};
    const late = new Promise<never>((_, reject) => {
      refuseLate = () => reject(new RejectedBatchError('no'));
    });
    const writes: number[] = [];
    sink.write = (batch) => {
      writes.push(batch.length);
      return late;
    };
    lane.start();
    await append(numbered(2));
    await until(() => writes.length === 1);
    await lane.drain(AbortSignal.abort());
    refuseLate();
    await expect(late).rejects.toThrow('no');
    await new Promise(setImmediate);
    expect(writes).toEqual([2]);
    expect(queue.reader('log').depth).toBe(2);
  });

  it('ends although its sink does not close', async () => {
    sink.close = () => new Promise(() => {});
    lane.start();
    await expect(lane.drain(AbortSignal.abort())).resolves.toBeUndefined();
    sink.close = () => Promise.resolve();
  });

  it('keeps dead letters again after somebody has removed their directory', async () => {
    refuse((text) => text === '"bad"');
    lane.start();
    await append(['"bad"']);
    await settled();
    await rm(join(directory, 'dead'), { recursive: true });
    await append(['"bad"']);
    await settled();
    expect(await deadLetters()).toHaveLength(1);
    expect(queue.reader('log').ledger.deadLettered).toBe(2);
  });
});
