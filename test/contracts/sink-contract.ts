import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SINK_ERROR_TYPES } from '../../src/event/reasons.js';
import type { StoredEvent } from '../../src/event/stored-event.js';
import {
  RejectedBatchError,
  RejectedEventsError,
  RetryableSinkError,
  type Sink,
} from '../../src/sinks/sink.js';

const MIB = 1_048_576;

/** One fresh place that a sink delivers to: a file, a topic, a table. */
export interface SinkTarget {
  /** Another instance at each call, not opened. */
  createSink(): Sink;
  /** The JSON of every stored event, in order, as another client than the sink reads it. */
  readStored(): Promise<readonly string[]>;
  makeUnavailable(): Promise<void>;
  makeAvailable(): Promise<void>;
  /** Frees the target, which may be unavailable. */
  remove(): Promise<void>;
}

export interface SinkHarness {
  createTarget(): Promise<SinkTarget>;
  /** JSON of an event that the target refuses for its content, if it refuses any. */
  readonly refusedJson?: string;
}

/** An event for position `position`; `text` goes into its props. */
export function storedEvent(position: number, text = ''): StoredEvent {
  // Keys by length, then alphabet: a store that keeps JSON in a form of its own gives the same bytes back.
  const event = {
    ts: '2026-11-23T10:00:00.000Z',
    type: 'pageview',
    props: { n: position, text },
    event_id: randomUUID(),
  };
  return { position, json: Buffer.from(JSON.stringify(event)) };
}

export function storedEvents(count: number, from = 0): StoredEvent[] {
  return Array.from({ length: count }, (_, index) => storedEvent(from + index));
}

export function jsonOf(events: readonly StoredEvent[]): string[] {
  return events.map(({ json }) => json.toString());
}

/** What every sink owes its lane; the spec of each sink runs it. */
export function describeSinkContract(name: string, harness: SinkHarness): void {
  describe(`${name} keeps the contract of a sink`, () => {
    let target: SinkTarget;
    let sinks: Set<Sink>;

    beforeEach(async () => {
      target = await harness.createTarget();
      sinks = new Set();
    });

    afterEach(async () => {
      await Promise.allSettled([...sinks].map((sink) => sink.close()));
      await target.remove();
    });

    function create(): Sink {
      const sink = target.createSink();
      sinks.add(sink);
      return sink;
    }

    async function createOpen(): Promise<Sink> {
      const sink = create();
      await sink.open();
      return sink;
    }

    async function close(sink: Sink): Promise<void> {
      sinks.delete(sink);
      await sink.close();
    }

    it.each([1, 2, 5_000])(
      'stores a batch of %i events once, in order, as it is',
      async (count) => {
        const sink = await createOpen();
        const batch = storedEvents(count);

        expect(await sink.write(batch)).toEqual({ duplicates: 0 });

        expect(await target.readStored()).toEqual(jsonOf(batch));
      },
    );

    it('stores a batch of 4 MiB', async () => {
      const sink = await createOpen();
      const batch = Array.from({ length: 64 }, (_, index) =>
        storedEvent(index, 'x'.repeat((4 * MIB) / 64 - 200)),
      );

      await sink.write(batch);

      expect(await target.readStored()).toEqual(jsonOf(batch));
    });

    it('stores text of any language, and escapes, as they are', async () => {
      const sink = await createOpen();
      const texts = [
        'żółć',
        'Ελληνικά',
        '日本語',
        '👩‍👩‍👧‍👦',
        '\u2028\u2029\uFFFD\uFEFF',
        'a\n\r\t"\\/\u0001b',
        `'; --`,
        '\\N',
      ];
      const batch = texts.map((text, index) => storedEvent(index, text));

      await sink.write(batch);

      expect(await target.readStored()).toEqual(jsonOf(batch));
    });

    it('has stored each batch when its write resolves, after the ones before', async () => {
      const sink = await createOpen();
      const events = storedEvents(30);

      for (let end = 10; end <= events.length; end += 10) {
        await sink.write(events.slice(end - 10, end));
        expect(await target.readStored()).toEqual(jsonOf(events.slice(0, end)));
      }
    });

    it('fails with an error to retry while the target is unavailable, and takes the same batch afterwards', async () => {
      const sink = await createOpen();
      const [before, batch] = [storedEvents(10), storedEvents(10, 10)];
      await sink.write(before);

      await target.makeUnavailable();
      await expectRetryable(sink.write(batch));
      await expectRetryable(sink.write(batch));
      await target.makeAvailable();
      expect((await target.readStored()).slice(0, before.length)).toEqual(jsonOf(before));
      for (const json of await target.readStored()) {
        expect(jsonOf([...before, ...batch])).toContain(json);
      }
      await untilDone(() => sink.write(batch));

      const stored = await target.readStored();
      expect(stored.slice(0, before.length)).toEqual(jsonOf(before));
      expect(stored.slice(-batch.length)).toEqual(jsonOf(batch));
    });

    it('takes a failed batch in parts', async () => {
      const sink = await createOpen();
      const batch = storedEvents(4);
      await target.makeUnavailable();
      await expectRetryable(sink.write(batch));
      await target.makeAvailable();

      await untilDone(() => sink.write(batch.slice(0, 1)));
      await sink.write(batch.slice(1));

      expect(new Set(await target.readStored())).toEqual(new Set(jsonOf(batch)));
    });

    it('passes the check while it can write, and only then', async () => {
      const sink = await createOpen();
      await expect(sink.check()).resolves.toBeUndefined();

      await target.makeUnavailable();
      await expectRetryable(sink.check());

      await target.makeAvailable();
      await untilDone(() => sink.check());
    });

    it('can be checked while it writes', async () => {
      const sink = await createOpen();
      const batch = storedEvents(5_000);

      await Promise.all([sink.write(batch), sink.check(), sink.check()]);

      expect(await target.readStored()).toEqual(jsonOf(batch));
    });

    it('opens once the target is available, however often it failed to', async () => {
      const sink = create();
      const batch = storedEvents(3);
      await target.makeUnavailable();
      await expectRetryable(sink.open());
      await expectRetryable(sink.open());

      await target.makeAvailable();
      await untilDone(() => sink.open());
      await sink.write(batch);

      expect(await target.readStored()).toEqual(jsonOf(batch));
    });

    it('keeps what was stored when another instance continues', async () => {
      const events = storedEvents(20);
      const first = await createOpen();
      await first.write(events.slice(0, 10));
      await close(first);

      const second = await createOpen();
      await second.write(events.slice(10));

      expect(await target.readStored()).toEqual(jsonOf(events));
    });

    it('closes without having been opened', async () => {
      await expect(close(create())).resolves.toBeUndefined();
    });

    it('closes after it failed to open', async () => {
      const sink = create();
      await target.makeUnavailable();
      await expectRetryable(sink.open());

      await expect(close(sink)).resolves.toBeUndefined();
    });

    const { refusedJson } = harness;
    if (refusedJson !== undefined) {
      it('says that it refuses an event for its content, and takes the others', async () => {
        const sink = await createOpen();
        const [first, last] = [storedEvent(0), storedEvent(2)];
        const refused = { position: 1, json: Buffer.from(refusedJson) };

        const { indexes, othersWritten } = await refusalOf(sink.write([first, refused, last]));
        expect(indexes ?? [1]).toEqual([1]);
        const others = othersWritten ? [first, last] : [];
        expect(await target.readStored()).toEqual(jsonOf(others));
        if (!othersWritten) {
          await sink.write([first, last]);
        }

        expect(await target.readStored()).toEqual(jsonOf([first, last]));
      });
    }
  });
}

/** What a write or a check fails with, for now. */
export async function failureOf(attempt: Promise<unknown>): Promise<RetryableSinkError> {
  const error = await errorOf(attempt);
  if (error instanceof RetryableSinkError) {
    return error;
  }
  throw new TypeError(`expected a RetryableSinkError, got ${String(error)}`);
}

async function expectRetryable(attempt: Promise<unknown>): Promise<void> {
  const error = await failureOf(attempt);
  expect(SINK_ERROR_TYPES.filter((type) => type !== 'rejected')).toContain(error.errorType);
  expect(error.message).not.toBe('');
}

/** Which events are refused, if the sink can tell, and whether the others are stored. */
async function refusalOf(
  attempt: Promise<unknown>,
): Promise<{ indexes?: number[]; othersWritten: boolean }> {
  const error = await errorOf(attempt);
  if (error instanceof RejectedEventsError) {
    return { indexes: [...error.rejections.keys()], othersWritten: error.others === 'written' };
  }
  if (error instanceof RejectedBatchError) {
    return { othersWritten: false };
  }
  throw new TypeError(`expected a refusal, got ${String(error)}`);
}

function errorOf(attempt: Promise<unknown>): Promise<unknown> {
  return attempt.then(
    () => undefined,
    (error: unknown) => error,
  );
}

/** As the lane does it: a target that has just come back may need more than one attempt. */
async function untilDone(attempt: () => Promise<unknown>): Promise<void> {
  await expect.poll(() => attempt().then(() => 'done', String)).toBe('done');
}
