import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type Account,
  type Batch,
  type BatchBounds,
  type BatchSource,
  type EventQueue,
  type Progress,
  QueueFullError,
  QueueUnavailableError,
  type Readers,
} from '../../src/queueing/event-queue.js';
import {
  checkAgainstModel,
  COMMANDS,
  EXAMPLES,
  HAS_TO_HAPPEN,
} from '../support/disk/queue-arbitraries.js';
import type { QueueHarness } from '../support/disk/queue-harness.js';
import { tally } from '../support/disk/queue-model.js';
import { RecordingObserver } from '../support/fakes/recording-observer.js';

const NOW: BatchBounds = { maxEvents: 500, maxBytes: 1_000_000, lingerMs: 0 };
const LONG_MS = 60_000;
const never = new AbortController().signal;

const unchanged = (account: Account): Account => account;
const oneDeadLetter = (account: Account): Account => ({
  ...account,
  deadLettered: account.deadLettered + 1,
});
const events = (...texts: string[]): Buffer[] => texts.map((text) => Buffer.from(`"${text}"`));
const textsOf = (batch: Batch): string[] =>
  batch.events.map(({ json }) => JSON.parse(json.toString()) as string);

/** Everything that is queued for the sink, committed batch by batch. */
async function deliverAll(reader: BatchSource): Promise<string[]> {
  const delivered: string[] = [];
  while (reader.depth > 0) {
    const batch = await reader.read(NOW, never);
    delivered.push(...textsOf(batch));
    await reader.commit(batch.end, unchanged);
  }
  return delivered;
}

/** A queue for each test, and where it is kept. */
function useQueue(createHarness: () => Promise<QueueHarness>) {
  const used: {
    harness: QueueHarness;
    observer: RecordingObserver;
    queue?: EventQueue & Readers;
  } = {} as never;

  beforeEach(async () => {
    used.harness = await createHarness();
    used.observer = new RecordingObserver();
  });

  afterEach(async () => {
    await close();
    await used.harness.remove();
  });

  async function open(...sinks: string[]): Promise<EventQueue & Readers> {
    used.queue = await used.harness.open(sinks, used.observer);
    return used.queue;
  }

  async function close(): Promise<void> {
    const { queue } = used;
    delete used.queue;
    await queue?.close();
  }

  async function reopen(...sinks: string[]): Promise<EventQueue & Readers> {
    await close();
    return open(...sinks);
  }

  async function openWith(...texts: string[]): Promise<EventQueue & Readers> {
    const queue = await open('a', 'b');
    await queue.append(events(...texts));
    return queue;
  }

  return { used, open, close, reopen, openWith };
}

/** What every queue owes delivery. Run it from the driver's own spec. */
export function describeReaders(name: string, createHarness: () => Promise<QueueHarness>): void {
  describe(`${name} keeps the contract of a queue's readers`, () => {
    const { open, reopen, openWith, used } = useQueue(createHarness);

    it('gives every sink each event once, in order, also after a restart', async () => {
      const first = await open('a', 'b');
      await first.append(events('1', '2'));
      await first.append(events('3'));
      expect(await deliverAll(first.reader('a'))).toEqual(['1', '2', '3']);

      const second = await reopen('a', 'b');
      await second.append(events('4'));
      expect(await deliverAll(second.reader('a'))).toEqual(['4']);
      expect(await deliverAll(second.reader('b'))).toEqual(['1', '2', '3', '4']);
    });

    describe('read', () => {
      it('bounds a batch by events', async () => {
        const reader = (await openWith('1', '2', '3')).reader('a');
        expect(textsOf(await reader.read({ ...NOW, maxEvents: 2 }, never))).toEqual(['1', '2']);
        expect(textsOf(await reader.read({ ...NOW, maxEvents: 2 }, never))).toEqual(['3']);
      });

      it('bounds a batch by bytes, but for its first event', async () => {
        const reader = (await openWith('1'.repeat(98), '2'.repeat(98), '3'.repeat(98))).reader('a');
        expect((await reader.read({ ...NOW, maxBytes: 250 }, never)).events).toHaveLength(2);
        expect((await reader.read({ ...NOW, maxBytes: 1 }, never)).events).toHaveLength(1);
      });

      it('waits for events, then for others as long as the first may linger', async () => {
        const queue = await open('a');
        const reading = queue.reader('a').read({ ...NOW, lingerMs: 2000 }, never);
        await queue.append(events('1'));
        await queue.append(events('2'));
        expect(textsOf(await reading)).toEqual(['1', '2']);
      });

      it('lingers no longer once a bound is reached', async () => {
        const queue = await open('a');
        const byEvents = queue.reader('a').read({ ...NOW, maxEvents: 2, lingerMs: LONG_MS }, never);
        await queue.append(events('1'));
        await queue.append(events('2'));
        expect(textsOf(await byEvents)).toEqual(['1', '2']);

        const byBytes = queue.reader('a').read({ ...NOW, maxBytes: 3, lingerMs: LONG_MS }, never);
        await queue.append(events('3'));
        expect(textsOf(await byBytes)).toEqual(['3']);
      });

      it('rejects with the reason of its signal, and loses nothing', async () => {
        const queue = await open('a');
        const reader = queue.reader('a');
        const stop = new AbortController();
        const waiting = reader.read(NOW, stop.signal);
        stop.abort(new Error('draining'));
        await expect(waiting).rejects.toThrow('draining');
        await queue.append(events('1'));
        await expect(reader.read(NOW, stop.signal)).rejects.toThrow('draining');

        const lingering = new AbortController();
        const reading = reader.read({ ...NOW, lingerMs: LONG_MS }, lingering.signal);
        await sleep(10);
        lingering.abort(new Error('woken'));
        await expect(reading).rejects.toThrow('woken');
        expect(textsOf(await reader.read(NOW, never))).toEqual(['1']);
      });
    });

    describe('peek', () => {
      it('shows later events as far as its bounds go, and where the next look begins', async () => {
        const reader = (await openWith('1', '2', '3', '4', '5')).reader('a');
        const batch = await reader.read({ ...NOW, maxEvents: 1 }, never);
        const second = await reader.peek(batch.end, { ...NOW, maxEvents: 2 });
        expect(textsOf(second)).toEqual(['2', '3']);
        expect(textsOf(await reader.peek(second.end, NOW))).toEqual(['4', '5']);
        expect(textsOf(await reader.peek(second.events[1]?.position ?? 0, NOW))).toEqual([
          '3',
          '4',
          '5',
        ]);
        expect(textsOf(await reader.peek(batch.end, { ...NOW, maxBytes: 1 }))).toEqual(['2']);
      });

      it('moves nothing', async () => {
        const reader = (await openWith('1', '2', '3')).reader('a');
        const before = [reader.progress, reader.account, reader.depth];
        await reader.peek(0, NOW);
        expect([reader.progress, reader.account, reader.depth]).toEqual(before);
        expect(await deliverAll(reader)).toEqual(['1', '2', '3']);
      });

      it('begins at the committed position when that is later', async () => {
        const reader = (await openWith('1', '2', '3')).reader('a');
        const { events: read } = await reader.read({ ...NOW, maxEvents: 2 }, never);
        await reader.commit(read[1]?.position ?? 0, unchanged);
        expect(textsOf(await reader.peek(0, NOW))).toEqual(['2', '3']);
      });

      it('ends where it begins when nothing is there yet, and sees what comes', async () => {
        const queue = await openWith('1');
        const reader = queue.reader('a');
        const { end } = await reader.peek(0, NOW);
        expect(await reader.peek(end, NOW)).toEqual({ events: [], end });
        await queue.append(events('2'));
        expect(textsOf(await reader.peek(end, NOW))).toEqual(['2']);
        expect(textsOf(await reader.peek(0, NOW))).toEqual(['1', '2']);
      });
    });

    describe('commit', () => {
      it('moves the place at which the next start begins, within a batch too', async () => {
        const first = await openWith('1', '2', '3', '4');
        const batch = await first.reader('a').read(NOW, never);
        expect(first.reader('a').depth).toBe(4);
        await first.reader('a').commit(batch.events[2]?.position ?? 0, unchanged);
        expect(first.reader('a').depth).toBe(2);

        const second = await reopen('a', 'b');
        expect(second.reader('a').depth).toBe(2);
        expect(await deliverAll(second.reader('a'))).toEqual(['3', '4']);
      });

      it('hands out what was read and not committed again after a restart', async () => {
        const first = await openWith('1', '2');
        await first.reader('a').read(NOW, never);
        expect(await deliverAll((await reopen('a', 'b')).reader('a'))).toEqual(['1', '2']);
      });

      it('stores position and account together, and neither before it is durable', async () => {
        const queue = await openWith('1', '2');
        const reader = queue.reader('a');
        const state = (): unknown => [reader.progress, reader.account];
        const before = state();
        const { end } = await reader.read(NOW, never);
        const committing = reader.commit(end, oneDeadLetter);
        expect(state()).toEqual(before);
        await committing;
        const after = [progress({ accepted: 2, settled: 2 }), { deadLettered: 1, purged: 0 }];
        expect(state()).toEqual(after);
        const again = (await reopen('a', 'b')).reader('a');
        expect([again.progress, again.account]).toEqual(after);
      });

      it('concerns one sink alone', async () => {
        const queue = await openWith('1', '2');
        await deliverAll(queue.reader('a'));
        await queue.reader('a').updateAccount(oneDeadLetter);
        expect(queue.reader('b').progress).toEqual(progress({ accepted: 2, settled: 0 }));
        expect(queue.reader('b').account).toEqual({ deadLettered: 0, purged: 0 });
        expect(await deliverAll(queue.reader('b'))).toEqual(['1', '2']);
      });
    });

    it('keeps an account that is changed alone, with its replay', async () => {
      const first = await openWith('1');
      const account = {
        deadLettered: 3,
        purged: 2,
        replay: { file: 'a.1.replay', offset: 100, remaining: 5, queued: 4 },
      };
      await first.reader('a').updateAccount(() => account);
      const reader = (await reopen('a', 'b')).reader('a');
      expect(reader.account).toEqual(account);
      expect(reader.progress.settled).toBe(0);
      expect(await deliverAll(reader)).toEqual(['1']);
      await reader.updateAccount(({ deadLettered, purged }) => ({ deadLettered, purged }));
      expect((await reopen('a', 'b')).reader('a').account).toEqual({ deadLettered: 3, purged: 2 });
    });

    it('says how old the oldest event is that is not committed', async () => {
      const reader = (await open('a', 'b')).reader('a');
      expect(reader.oldestEventAgeSeconds).toBe(0);
      await used.queue?.append(events('1'));
      await sleep(20);
      expect(reader.oldestEventAgeSeconds).toBeGreaterThan(0.01);
      await reader.read(NOW, never);
      expect(reader.oldestEventAgeSeconds).toBeGreaterThan(0.01);
      const again = (await reopen('a', 'b')).reader('a');
      expect(again.oldestEventAgeSeconds).toBeGreaterThan(0.01);
      await deliverAll(again);
      expect(again.oldestEventAgeSeconds).toBe(0);
    });

    describe('sinks', () => {
      it('have one reader each', async () => {
        const queue = await open('a', 'b');
        expect(queue.reader('a')).toBe(queue.reader('a'));
        expect(queue.reader('a')).not.toBe(queue.reader('b'));
        expect(queue.reader('b').name).toBe('b');
        expect(() => queue.reader('c')).toThrow('c');
      });

      it('start at the end when they are new', async () => {
        await openWith('old');
        const queue = await reopen('a', 'b', 'new');
        expect(queue.reader('new').progress).toEqual(progress({ accepted: 0, settled: 0 }));
        await queue.append(events('young'));
        expect(await deliverAll(queue.reader('new'))).toEqual(['young']);
        expect(await deliverAll(queue.reader('a'))).toEqual(['old', 'young']);
      });
    });

    const progress = (some: Pick<Progress, 'accepted' | 'settled'>): Progress => ({
      ...some,
      corrupt: 0,
      ...used.harness.moreProgress,
    });
  });
}

/** What every queue owes ingestion and delivery. Run it from the driver's own spec. */
export function describeQueue(name: string, createHarness: () => Promise<QueueHarness>): void {
  describeReaders(name, createHarness);

  describe(`${name} keeps the contract of a queue`, () => {
    const { open, close, openWith, used } = useQueue(createHarness);

    describe('append', () => {
      it('keeps the events of one call together and in order when many come at once', async () => {
        const queue = await open('a');
        const calls = Array.from({ length: 20 }, (_, call) =>
          Array.from({ length: 5 }, (__, index) => `${call}:${index}`),
        );
        await Promise.all(calls.map((texts) => queue.append(events(...texts))));
        const found = await deliverAll(queue.reader('a'));
        expect(found).toHaveLength(100);
        for (const texts of calls) {
          const at = found.indexOf(texts[0] as string);
          expect(found.slice(at, at + 5)).toEqual(texts);
        }
      });

      it('takes all events of a call or none', async () => {
        const queue = await open('a');
        const { capacityBytes = 0 } = (await used.observer.queueStats?.()) ?? {};
        const tooMuch = Array.from({ length: 3 }, () => Buffer.alloc(capacityBytes / 2, '1'));
        await expect(queue.append(tooMuch)).rejects.toThrow(QueueFullError);
        expect(queue.state).toBe('accepting');
        await queue.append(events('small'));
        expect(await deliverAll(queue.reader('a'))).toEqual(['small']);
      });

      it('refuses what is beyond the bound until sinks have drained', async () => {
        const queue = await open('a');
        const big = [Buffer.from(`"${'x'.repeat(20_000)}"`)];
        let taken = 0;
        while (queue.state === 'accepting') {
          await queue.append(big).then(
            () => (taken += 1),
            (error: unknown) => expect(error).toBeInstanceOf(QueueFullError),
          );
        }
        expect(queue.state).toBe('full');
        expect(await deliverAll(queue.reader('a'))).toHaveLength(taken);
        await expect.poll(() => queue.state).toBe('accepting');
        await queue.append(big);
      });
    });

    describe('sinks', () => {
      it('are not given up while they have undelivered events, unless that is asked for', async () => {
        await openWith('1', '2');
        await close();
        await expect(open('a')).rejects.toThrow(/2 undelivered/);
        expect(await used.harness.forget('b')).toBe(2);
        expect(await deliverAll((await open('a')).reader('a'))).toEqual(['1', '2']);
      });
    });

    it('finishes the appends under way when it is closed, and takes no more', async () => {
      const queue = await open('a', 'b');
      const appends = [queue.append(events('1')), queue.append(events('2'))];
      const closing = close();
      expect(queue.state).toBe('closed');
      const refused = queue.append(events('3'));
      await expect(refused).rejects.toThrow(QueueUnavailableError);
      await expect(refused).rejects.toMatchObject({ reason: 'draining' });
      await Promise.all([...appends, closing]);
      expect(await deliverAll((await open('a', 'b')).reader('a'))).toEqual(['1', '2']);
    });

    it('behaves like a list with one place for each sink, whatever comes', async () => {
      await checkAgainstModel(createHarness, COMMANDS, { numRuns: 10, examples: EXAMPLES });
      expect(tally.missing(HAS_TO_HAPPEN)).toEqual([]);
    });
  });
}
