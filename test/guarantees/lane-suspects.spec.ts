import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RecordingObserver } from '../support/fakes/recording-observer.js';
import { ScriptedSink } from '../support/fakes/scripted-sink.js';
import { DeadLetterRequests } from '../../src/disk/dead-letter-requests.js';
import { EmbeddedQueue } from '../../src/queueing/embedded/embedded-queue.js';
import {
  RejectedBatchError,
  RejectedEventsError,
  RetryableSinkError,
} from '../../src/sinks/sink.js';
import { DeadLetterFiles } from '../../src/delivery/dead-letters/dead-letter-files.js';
import { DeadLetters } from '../../src/delivery/dead-letters/dead-letters.js';
import { Lane } from '../../src/delivery/lane.js';

const MIB = 1024 * 1024;
const JUDGED_OVER_MS = 1000;

let directory: string;
let observer: RecordingObserver;
let sink: ScriptedSink;
let queue: EmbeddedQueue;
let lane: Lane;
let requests: DeadLetterRequests;
let store: DeadLetterFiles | undefined;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gotrack-suspects-'));
  observer = new RecordingObserver();
  sink = new ScriptedSink();
  await openQueue();
  requests = new DeadLetterRequests(join(directory, 'dead'));
  lane = await newLane();
});

afterEach(async () => {
  await lane.drain(AbortSignal.abort());
  await store?.close();
  await queue.close();
  await rm(directory, { recursive: true });
});

async function openQueue(): Promise<void> {
  queue = await EmbeddedQueue.open(
    { directory: join(directory, 'queue'), maxBytes: 64 * MIB, sinks: ['log'] },
    observer,
  );
}

async function newLane(maxEvents = 500): Promise<Lane> {
  await store?.close();
  store = new DeadLetterFiles(join(directory, 'dead'), MIB);
  const bounds = { maxEvents, maxBytes: 4 * MIB, lingerMs: 1, judgedOverMs: JUDGED_OVER_MS };
  return new Lane(queue.reader('log'), sink, bounds, new DeadLetters(store, requests), observer);
}

const append = (texts: readonly string[]): Promise<void> =>
  queue.append(texts.map((text) => Buffer.from(JSON.stringify({ text }))));
const named = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`);
const textOf = (json: string): string => (JSON.parse(json) as { text: string }).text;
const stored = (): string[] => sink.stored.map(textOf);
const until = (condition: () => boolean): Promise<void> =>
  vi.waitFor(() => expect(condition()).toBe(true), { interval: 5 });
const settled = (): Promise<void> => until(() => queue.reader('log').depth === 0);
const deadLettered = (): number => observer.total('eventsDeadLettered', 2);

async function deadLetters(): Promise<
  { event: { text: string }; error: string; reason: string }[]
> {
  const text = await readFile(join(directory, 'dead', 'log.ndjson'), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as never);
}

/** The sink fails with any batch that holds one of these, and does not say why. */
function failWith(isBad: (text: string) => boolean): void {
  sink.onWrite = (texts) => {
    if (texts.some((json) => isBad(textOf(json)))) {
      throw new RetryableSinkError('other', 'fails with SQLSTATE 54000', {
        suspect: true,
        verbatim: 'says: index row size 8016 exceeds maximum 2712',
      });
    }
  };
}

function refuse(isBad: (text: string) => boolean): void {
  sink.onWrite = (texts) => {
    if (texts.some((json) => isBad(textOf(json)))) {
      throw new RejectedBatchError('violates a check constraint');
    }
  };
}

const isBad = (text: string): boolean => text.startsWith('bad');
const alone = (text: string): number =>
  sink.attempts.filter(([first, ...rest]) => rest.length === 0 && textOf(first ?? '') === text)
    .length;

describe('a lane whose sink does not say who is at fault', () => {
  it('dead-letters the one event that fails alone while its neighbours are taken', async () => {
    failWith(isBad);
    lane.start();
    await append([...named('a', 250), 'bad', ...named('b', 249)]);
    const feeding = feed();
    await until(() => deadLettered() === 1);
    await feeding.stop();
    await settled();
    expect(await deadLetters()).toMatchObject([
      { event: { text: 'bad' }, reason: 'rejected', error: expect.stringContaining('8016') },
    ]);
    expect(
      stored()
        .filter((text) => /^[ab]/.test(text))
        .toSorted(),
    ).toEqual([...named('a', 250), ...named('b', 249)].toSorted());
    expect(alone('bad')).toBeGreaterThanOrEqual(3);
    expect(lane.accounting.ledger).toMatchObject({ deadLettered: 1, queued: 0 });
    expect(lane.holding).toBeUndefined();
  });

  it('keeps a few neighbours back to judge by, when no other event comes', async () => {
    failWith(isBad);
    lane.start();
    await append([...named('a', 3), 'bad', ...named('b', 3)]);
    await settled();
    expect(stored().toSorted()).toEqual([...named('a', 3), ...named('b', 3)]);
    expect(deadLettered()).toBe(1);
  });

  it('judges by neighbours that come one by one, and by no event twice', async () => {
    failWith(isBad);
    lane.start();
    await append(['bad']);
    for (const text of named('a', 5)) {
      await append([text]);
      await sleep(30);
    }
    await settled();
    expect(stored().toSorted()).toEqual(named('a', 5));
    expect(deadLettered()).toBe(1);
  });

  it('drains what it keeps back', async () => {
    failWith(isBad);
    lane.start();
    await append([...named('a', 3), 'bad', ...named('b', 3)]);
    await until(() => alone('bad') > 0);
    const deadline = new AbortController();
    const drained = lane.drain(deadline.signal);
    await until(() => stored().length === 6);
    deadline.abort();
    await drained;
    expect(deadLettered()).toBe(0);
  });

  it('delivers what comes after a suspect while it is judged, and commits nothing of it', async () => {
    await lane.drain(AbortSignal.abort());
    sink = new ScriptedSink();
    failWith(isBad);
    lane = await newLane(2);
    lane.start();
    await append(['a', 'bad', ...named('b', 40)]);
    // But for a few that are kept back, to prove something later.
    await until(() => stored().length >= 30);
    expect(deadLettered()).toBe(0);
    expect(queue.reader('log').depth).toBe(41);
    const feeding = feed();
    await until(() => deadLettered() === 1);
    await feeding.stop();
    await settled();
    expect(new Set(stored()).size).toBe(stored().length);
  });

  it('dead-letters nothing of a batch with which the sink fails whole, and delivers it in the end', async () => {
    failWith(() => true);
    lane.start();
    await append(named('a', 8));
    await sleep(3 * JUDGED_OVER_MS);
    await until(() => lane.sinkState.state === 'down');
    expect(lane.holding).toBeUndefined();
    failWith(() => false);
    await settled();
    expect(stored().toSorted()).toEqual(named('a', 8));
    expect(deadLettered()).toBe(0);
  });

  it('tries seldom while nothing shows that the sink takes any', async () => {
    failWith(() => true);
    lane.start();
    await append(named('a', 500));
    await append(named('b', 500));
    await until(() => sink.attempts.length >= 20);
    const before = sink.attempts.length;
    await sleep(3000);
    expect(sink.attempts.length - before).toBeLessThan(12);
  });

  it('keeps a suspect without a neighbour, and judges it once others come', async () => {
    failWith(isBad);
    lane.start();
    await append(['bad']);
    await sleep(3 * JUDGED_OVER_MS);
    expect(deadLettered()).toBe(0);
    const feeding = feed();
    await until(() => deadLettered() === 1);
    await feeding.stop();
    await settled();
  });

  it('gets past a full batch of suspects by trying later events', async () => {
    await lane.drain(AbortSignal.abort());
    sink = new ScriptedSink();
    failWith(isBad);
    lane = await newLane(10);
    lane.start();
    await append([...named('bad', 25), ...named('good', 30)]);
    const feeding = feed();
    await until(() => deadLettered() === 25);
    await feeding.stop();
    await settled();
    expect(
      stored()
        .filter((text) => text.startsWith('good'))
        .toSorted(),
    ).toEqual(named('good', 30).toSorted());
    expect(lane.accounting.ledger).toMatchObject({ queued: 0, deadLettered: 25 });
  });

  it('counts no suspect among the refusals that make it hold', async () => {
    sink.onWrite = (texts) => {
      const [first = ''] = texts;
      const isRefused = texts.some((json) => textOf(json).startsWith('refused'));
      if (texts.length === 1 ? textOf(first).startsWith('bad') : !isRefused) {
        throw new RetryableSinkError('other', 'fails', { suspect: true });
      }
      if (isRefused) {
        throw new RejectedBatchError('violates a check constraint');
      }
    };
    lane.start();
    await append([...named('refused', 95), ...named('bad', 8)]);
    await until(() => deadLettered() === 95);
    await sleep(2 * JUDGED_OVER_MS);
    expect(lane.holding).toBeUndefined();
    expect(deadLettered()).toBe(95);
  });

  it('keeps the ledger right when refused events follow a suspect and the process ends', async () => {
    sink.onWrite = (texts) => {
      if (texts.some((json) => textOf(json).startsWith('refused'))) {
        throw new RejectedBatchError('no');
      }
      if (texts.some((json) => isBad(textOf(json)))) {
        throw new RetryableSinkError('other', 'fails', { suspect: true });
      }
    };
    lane.start();
    await append(['a', 'bad', 'refused', 'b']);
    await until(() => deadLettered() === 1 && stored().length === 2);
    await until(() => lane.accounting.ledger.delivered === 1);
    await lane.drain(AbortSignal.abort());
    expect(lane.accounting.ledger).toMatchObject({ delivered: 1, deadLettered: 0, queued: 3 });
    await queue.close();
    await openQueue();
    sink = new ScriptedSink();
    lane = await newLane();
    lane.start();
    await settled();
    expect(lane.accounting.ledger).toMatchObject({ delivered: 4, deadLettered: 0, queued: 0 });
  });

  it('judges what a replay brings in the same way', async () => {
    refuse(isBad);
    lane.start();
    await append(['bad0', 'bad1', 'good']);
    await settled();
    failWith((text) => text === 'bad1');
    await requests.make('log', 'replay');
    lane.wake();
    const feeding = feed();
    await until(() => deadLettered() === 3);
    await feeding.stop();
    await until(() => queue.reader('log').account.replay === undefined);
    await settled();
    expect(stored()).toContain('bad0');
    expect((await deadLetters()).map(({ event }) => event.text)).toEqual(['bad1']);
    expect(lane.accounting.ledger).toMatchObject({ deadLettered: 1, queued: 0 });
  });

  /** Other events come all the time. */
  function feed(): { stop: () => Promise<void> } {
    const stopping = new AbortController();
    const feeding = (async () => {
      for (let count = 0; !stopping.signal.aborted; count += 1) {
        await append([`fed${count}`]);
        await sleep(20);
      }
    })();
    return {
      stop: () => {
        stopping.abort();
        return feeding;
      },
    };
  }
});

describe('a lane whose sink refuses very many events', () => {
  it('gets past them without holding when later ones are taken', async () => {
    refuse(isBad);
    await append([...named('bad', 1000), ...named('good', 100)]);
    lane.start();
    await settled();
    expect(stored().toSorted()).toEqual(named('good', 100).toSorted());
    expect(lane.accounting.ledger).toMatchObject({ delivered: 100, deadLettered: 1000 });
  });

  it('holds on the same batch with few attempts, and is over it once a good event comes', async () => {
    refuse(isBad);
    await append(named('bad', 150));
    lane.start();
    await until(() => lane.holding !== undefined);
    expect(deadLettered()).toBe(100);
    const before = sink.attempts.length;
    await sleep(2000);
    expect(sink.attempts.length - before).toBeLessThan(20);
    expect(deadLettered()).toBe(100);
    await append(['good']);
    await settled();
    expect(lane.holding).toBeUndefined();
    expect(stored()).toEqual(['good']);
    expect(deadLettered()).toBe(150);
  });

  it('dead-letters exactly a hundred of those that all are refused, however many come', async () => {
    refuse(() => true);
    await append(named('a', 700));
    lane.start();
    await until(() => lane.holding !== undefined);
    await append(named('b', 700));
    await sleep(1000);
    expect(deadLettered()).toBe(100);
    refuse(() => false);
    await settled();
    expect(stored()).toHaveLength(1300);
    expect(new Set(stored()).size).toBe(1300);
  });

  it('does not hold for events that the sink names beside others that it takes', async () => {
    sink.onWrite = (texts) => {
      const bad = texts.flatMap((json, index) => (isBad(textOf(json)) ? [index] : []));
      if (bad.length > 0) {
        throw new RejectedEventsError(new Map(bad.map((index) => [index, 'too large'])), 'written');
      }
    };
    await append([...named('bad', 300), 'good', ...named('bad', 150)]);
    lane.start();
    await settled();
    expect(lane.accounting.ledger).toMatchObject({ delivered: 1, deadLettered: 450 });
  });
});
