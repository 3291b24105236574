import { appendFile, mkdtemp, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RecordingObserver } from '../../test/support/fakes/recording-observer.js';
import { ScriptedSink } from '../../test/support/fakes/scripted-sink.js';
import { RejectedBatchError, RejectedEventsError, RetryableSinkError } from '../sinks/sink.js';
import { DeadLetterRequests } from '../disk/dead-letter-requests.js';
import { DeadLetterFiles } from './dead-letters/dead-letter-files.js';
import { DeadLetters } from './dead-letters/dead-letters.js';
import { EmbeddedQueue } from '../queueing/embedded/embedded-queue.js';
import { Lane } from './lane.js';

const MIB = 1024 * 1024;

let directory: string;
let observer: RecordingObserver;
let sink: ScriptedSink;
let queue: EmbeddedQueue;
let lane: Lane;
let requests: DeadLetterRequests;
let store: DeadLetterFiles | undefined;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gotrack-lane-'));
  observer = new RecordingObserver();
  sink = new ScriptedSink();
  requests = new DeadLetterRequests(join(directory, 'dead'));
  queue = await EmbeddedQueue.open(
    { directory: join(directory, 'queue'), maxBytes: 64 * MIB, sinks: ['log'] },
    observer,
  );
  lane = await newLane();
});

afterEach(async () => {
  await lane.drain(AbortSignal.abort());
  await store?.close();
  await queue.close();
  await rm(directory, { recursive: true });
});

async function newLane(deadLetterBytes = MIB, maxEvents = 500): Promise<Lane> {
  await store?.close();
  store = new DeadLetterFiles(join(directory, 'dead'), deadLetterBytes);
  const bounds = { maxEvents, maxBytes: 4 * MIB, lingerMs: 1 };
  return new Lane(queue.reader('log'), sink, bounds, new DeadLetters(store, requests), observer);
}

const append = (texts: readonly string[]): Promise<void> =>
  queue.append(texts.map((text) => Buffer.from(text)));
const numbered = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `"${index}"`);
const until = (condition: () => boolean): Promise<void> =>
  vi.waitFor(() => expect(condition()).toBe(true), { interval: 5 });
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

  it('says nothing of a sink that opens after the end', async () => {
    let open = (): void => {};
    sink.onOpen = () =>
      new Promise((resolve) => {
        open = resolve;
      });
    lane.start();
    await until(() => sink.opened === 1);
    await lane.drain(AbortSignal.abort());
    open();
    await new Promise(setImmediate);
    expect(lane.sinkState.state).toBe('unknown');
    expect(observer.of('sinkWentUp')).toEqual([]);
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
    expect(lane.accounting.ledger).toMatchObject({
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
    expect(lane.accounting.ledger).toMatchObject({ delivered: 2, deadLettered: 1 });
  });

  it('holds after 100 refusals without one accepted, and delivers again when the cause is gone', async () => {
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
    expect(lane.accounting.ledger).toMatchObject({
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
    expect(lane.accounting.ledger).toMatchObject({ delivered: 6, deadLettered: 294 });
  });

  it('holds when the dead letters are full, and throws nothing away', async () => {
    await lane.drain(AbortSignal.abort());
    sink = new ScriptedSink();
    lane = await newLane(10);
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

  it('settles the batch in hand of what others read too, and leaves the rest to them', async () => {
    Object.defineProperty(queue.reader('log'), 'isShared', { value: true });
    const [begun, mayEnd] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const written: number[] = [];
    sink.write = async (batch) => {
      begun.resolve();
      await mayEnd.promise;
      written.push(batch.length);
      return { duplicates: 0 };
    };
    await append(numbered(1200));
    lane.start();
    await begun.promise;
    const drained = lane.drain(new AbortController().signal);
    mayEnd.resolve();
    await drained;
    expect(written).toEqual([500]);
    expect(queue.reader('log').depth).toBe(700);
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
    expect(lane.accounting.ledger.deadLettered).toBe(2);
  });

  describe('dead letters on their way back', () => {
    const event = (text: string): string => JSON.stringify({ text });
    const ids = (count: number, prefix = 'bad'): string[] =>
      Array.from({ length: count }, (_, index) => event(`${prefix}${index}`));
    const ledger = (): unknown => lane.accounting.ledger;
    const files = async (): Promise<string[]> =>
      (await readdir(join(directory, 'dead'))).filter((name) => name !== 'owner.lock');

    async function ask(request: 'replay' | 'purge'): Promise<void> {
      await requests.make('log', request);
      lane.wake();
    }

    async function asked(request: 'replay' | 'purge'): Promise<void> {
      await ask(request);
      await vi.waitFor(async () => expect(await requests.isMade('log', request)).toBe(false));
    }

    const replayed = (): Promise<void> =>
      until(
        () => queue.reader('log').account.replay === undefined && queue.reader('log').depth === 0,
      );

    /** Has the sink refuse these, and waits until they are dead letters. */
    async function deadLetter(texts: readonly string[]): Promise<void> {
      refuse((text) => text.includes('bad'));
      lane.start();
      await append([...texts, event('good')]);
      await settled();
    }

    it('reach the sink in order once the cause is gone, and the ledger says delivered', async () => {
      await deadLetter(ids(60));
      refuse(() => false);
      await asked('replay');
      await replayed();
      expect(sink.stored).toEqual([event('good'), ...ids(60)]);
      expect(ledger()).toMatchObject({ accepted: 61, delivered: 61, queued: 0, deadLettered: 0 });
      expect(observer.of('eventsReplayed')).toEqual([['log', 60]]);
      expect(await files()).toEqual([]);
    });

    it('are queued, in the ledger, while their sink is down', async () => {
      await deadLetter(ids(5));
      sink.onWrite = () => {
        throw new RetryableSinkError('connection', 'refused');
      };
      await asked('replay');
      expect(ledger()).toMatchObject({ delivered: 1, queued: 5, deadLettered: 0 });
      refuse(() => false);
      await replayed();
      expect(ledger()).toMatchObject({ delivered: 6, queued: 0, deadLettered: 0 });
    });

    it('become dead letters again when the cause is not gone, and do not hold the lane', async () => {
      await deadLetter([...ids(99), event('good'), ...ids(99)]);
      await asked('replay');
      await append([event('after')]);
      await replayed();
      expect(lane.holding).toBeUndefined();
      expect(sink.stored.at(-1)).toBe(event('after'));
      expect(await deadLetters()).toHaveLength(198);
      expect(ledger()).toMatchObject({ delivered: 3, queued: 0, deadLettered: 198 });
    });

    it('are taken while the lane holds for a full directory, which frees it', async () => {
      await lane.drain(AbortSignal.abort());
      sink = new ScriptedSink();
      lane = await newLane(600);
      refuse((text) => text.includes('bad'));
      lane.start();
      await append(ids(30));
      await until(() => lane.holding !== undefined);
      expect(lane.holding).toContain('DEAD_LETTER_MAX_MB');
      refuse(() => false);
      await asked('replay');
      await replayed();
      // The one that did not fit had been refused before.
      const kept = (await deadLetters()).map(({ event: refused }) => JSON.stringify(refused));
      expect(kept).toHaveLength(1);
      expect([...sink.stored, ...kept].toSorted()).toEqual(ids(30).toSorted());
      expect(ledger()).toMatchObject({ delivered: 29, queued: 0, deadLettered: 1 });
    });

    it('are purged while the lane holds for a full directory, and the ledger says so', async () => {
      await lane.drain(AbortSignal.abort());
      sink = new ScriptedSink();
      lane = await newLane(600);
      refuse((text) => text.includes('bad'));
      lane.start();
      await append(ids(10));
      await until(() => lane.holding !== undefined);
      const kept = (await deadLetters()).length;
      refuse(() => false);
      await asked('purge');
      await settled();
      // The one that did not fit had been refused before.
      expect(ledger()).toMatchObject({ purged: kept, delivered: 9 - kept, deadLettered: 1 });
      expect(await deadLetters()).toHaveLength(1);
    });

    it('are purged when nothing else is to do', async () => {
      await deadLetter(ids(7));
      await asked('purge');
      expect(await files()).toEqual([]);
      expect(ledger()).toMatchObject({ delivered: 1, deadLettered: 0, purged: 7 });
    });

    it('wait for the next start with the rest of a replay', async () => {
      await deadLetter(ids(3));
      sink.onWrite = () => {
        throw new RetryableSinkError('connection', 'refused');
      };
      await asked('replay');
      await lane.drain(AbortSignal.abort());
      expect(ledger()).toMatchObject({ queued: 3 });

      sink = new ScriptedSink();
      lane = await newLane();
      lane.start();
      await replayed();
      expect(sink.stored).toEqual(ids(3));
      expect(observer.of('eventsReplayed')).toEqual([['log', 3]]);
    });

    it('are replayed when a crash came between the renaming of their file and the ledger', async () => {
      await deadLetter(ids(3));
      await lane.drain(AbortSignal.abort());
      await rename(
        join(directory, 'dead', 'log.ndjson'),
        join(directory, 'dead', 'log.1.replaying'),
      );
      sink = new ScriptedSink();
      lane = await newLane();
      lane.start();
      await until(() => sink.stored.length === 3);
      await replayed();
      expect(ledger()).toMatchObject({ delivered: 4, queued: 0, deadLettered: 0 });
      expect(await files()).toEqual([]);
    });

    it('are counted once where a crash has left them twice', async () => {
      await deadLetter(ids(4));
      const path = join(directory, 'dead', 'log.ndjson');
      await appendFile(path, await readFile(path));
      refuse((text) => text === event('bad0'));
      await asked('replay');
      await replayed();
      expect(await deadLetters()).toHaveLength(2);
      expect(ledger()).toMatchObject({ accepted: 5, queued: 0 });
      const { delivered, deadLettered } = lane.accounting.ledger;
      expect(delivered + deadLettered).toBe(5);
    });

    it('keep a line that holds no event', async () => {
      await deadLetter(ids(2));
      await appendFile(join(directory, 'dead', 'log.ndjson'), 'edited by hand\n');
      refuse(() => false);
      await asked('replay');
      await replayed();
      expect(sink.stored).toEqual([event('good'), ...ids(2)]);
      expect(await readFile(join(directory, 'dead', 'log.ndjson'), 'utf8')).toBe(
        'edited by hand\n',
      );
    });

    it('count towards the bound while they are on their way', async () => {
      await lane.drain(AbortSignal.abort());
      sink = new ScriptedSink();
      lane = await newLane(2000);
      await deadLetter(ids(10));
      const size = async (): Promise<number> => {
        const sizes = await Promise.all(
          (await files()).map((name) => stat(join(directory, 'dead', name))),
        );
        return sizes.reduce((sum, file) => sum + file.size, 0);
      };
      await ask('replay');
      await append(ids(40, 'bad-again'));
      let most = 0;
      await until(() => {
        void size().then(
          (bytes) => (most = Math.max(most, bytes)),
          () => undefined,
        );
        return lane.holding?.includes('DEAD_LETTER_MAX_MB') === true;
      });
      expect(Math.max(most, await size())).toBeLessThanOrEqual(2000);
      refuse(() => false);
      await ask('purge');
      await replayed();
    });

    it('are read once, however small the batches are', async () => {
      await deadLetter(ids(60));
      await lane.drain(AbortSignal.abort());
      sink = new ScriptedSink();
      lane = await newLane(MIB, 1);
      const reads = vi.spyOn(store as DeadLetterFiles, 'readReplay');
      lane.start();
      await asked('replay');
      await replayed();
      expect(sink.stored).toEqual(ids(60));
      expect(reads.mock.calls.length).toBeLessThanOrEqual(2);
    });

    it('of which somebody has removed the file count as purged', async () => {
      await deadLetter(ids(3));
      sink.onWrite = () => {
        throw new RetryableSinkError('connection', 'refused');
      };
      await asked('replay');
      await lane.drain(AbortSignal.abort());
      await rm(join(directory, 'dead'), { recursive: true });
      sink = new ScriptedSink();
      lane = await newLane();
      lane.start();
      await replayed();
      expect(ledger()).toMatchObject({ delivered: 1, queued: 0, purged: 3 });
    });
  });
});
