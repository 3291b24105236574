import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import type { StoredEvent } from '../event/stored-event.js';
import type { PipelineObserver } from '../metrics/pipeline-observer.js';
import {
  RejectedBatchError,
  RejectedEventsError,
  RetryableSinkError,
  type Sink,
} from '../sinks/sink.js';
import { backoffMs } from './retry.js';
import type { DeadLetterReplay } from './dead-letters/dead-letter-replay.js';
import type { DeadLetters } from './dead-letters/dead-letters.js';
import type { DeadLetterRequests } from '../disk/dead-letter-requests.js';
import {
  ALL_DELIVERED,
  type Batch,
  type BatchBounds,
  type BatchSource,
  type QueueReader,
  type Undelivered,
} from '../queueing/event-queue.js';
import { Redelivery } from './dead-letters/redelivery.js';
import { SinkState } from './sink-state.js';

/**
 * So many refusals in a row, without one event accepted, mean that the table or topic is wrong and not
 * the events: the lane holds instead of emptying the queue into the dead letters.
 */
const HOLD_AFTER_REFUSALS = 100;
/** A sink that hangs must not keep the process. */
const CLOSE_TIMEOUT_MS = 1000;

/**
 * One sink's way out of the queue: batches, retries, bisects, dead-letters. Commits a position only
 * after the sink has confirmed everything before it, or its dead letter is synced.
 */
export class Lane {
  readonly sinkState: SinkState;
  private readonly logger: Logger;
  private readonly redelivery: Redelivery;
  private draining = false;
  /** What an operator asks for may be there already. */
  private nudged = true;
  /** Ends the wait for more events. */
  private interrupt = new AbortController();
  /** Ends everything. */
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;
  /** Where the batch in hand came from. */
  private source: BatchSource;
  private refusalsInARow = 0;
  private toCommit: Undelivered = ALL_DELIVERED;
  /** Whether everything before the events in hand is settled, so that progress within a batch can be committed. */
  private inOrder = true;
  private held: string | undefined;

  constructor(
    readonly name: string,
    private readonly sink: Sink,
    private readonly reader: QueueReader,
    private readonly deadLetters: DeadLetters,
    requests: DeadLetterRequests,
    private readonly bounds: BatchBounds,
    private readonly observer: PipelineObserver,
  ) {
    this.logger = new Logger(`Lane ${name}`);
    this.source = reader;
    this.redelivery = new Redelivery(name, reader, deadLetters, requests, observer);
    this.sinkState = new SinkState(name, sink, observer);
  }

  /** Why the lane delivers nothing although its sink answers; undefined when it does. */
  get holding(): string | undefined {
    return this.held;
  }

  start(): void {
    this.running = this.run().catch((error: Error) => {
      if (!this.stopping.signal.aborted) {
        this.hold(`it stopped for an unexpected error: ${error.stack}`);
      }
    });
  }

  /** Looks for requests about its dead letters at the next moment that suits it. */
  nudge(): void {
    this.nudged = true;
    this.interrupt.abort(new Error('nudged'));
  }

  /** Delivers what is queued; a replay goes on after the next start. Resolves when nothing is left, or once `deadline` is aborted. */
  async drain(deadline: AbortSignal): Promise<void> {
    const stop = (): void => this.stopping.abort(new Error('the time to drain is over'));
    // Also when nothing is queued: a sink that was never up must not keep the process.
    if (deadline.aborted || this.reader.depth === 0) {
      stop();
    }
    deadline.addEventListener('abort', stop);
    this.draining = true;
    this.interrupt.abort(new Error('draining'));
    await Promise.race([this.running, aborted(this.stopping.signal)]);
    deadline.removeEventListener('abort', stop);
    this.stopping.abort();
    this.sinkState.stop();
    await this.closeSink();
  }

  private async closeSink(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        this.logger.warn(`the sink did not close within ${CLOSE_TIMEOUT_MS} ms`);
        resolve();
      }, CLOSE_TIMEOUT_MS);
    });
    try {
      await Promise.race([this.sink.close(), timeout]);
    } finally {
      clearTimeout(timer);
    }
  }

  private async run(): Promise<void> {
    await this.serveRequests();
    await this.attempt(() => this.sink.open());
    this.sinkState.start();
    let goesOn = true;
    while (goesOn) {
      await this.serveRequests();
      if (this.redelivery.source && !this.draining) {
        await this.replayBatch(this.redelivery.source);
      }
      goesOn = await this.deliverBatch();
    }
  }

  private async serveRequests(): Promise<void> {
    if (!this.nudged) {
      return;
    }
    this.nudged = false;
    if (!this.draining) {
      this.interrupt = new AbortController();
    }
    this.toCommit = await this.redelivery.serve(this.toCommit);
  }

  /** In turns with batches of the queue: neither waits for the other's end. */
  private async replayBatch(replay: DeadLetterReplay): Promise<void> {
    const begin = this.reader.replay?.offset;
    const batch = await this.persist('the dead letters cannot be read', () =>
      replay.read(this.bounds),
    );
    if (batch.end === begin) {
      await this.persist('the dead letters cannot be removed', () => this.redelivery.finish());
    } else {
      await this.deliver(replay, batch);
    }
  }

  /** False once the queue is drained. */
  private async deliverBatch(): Promise<boolean> {
    const drains = this.draining;
    if (this.reader.depth === 0 && (drains || this.redelivery.source)) {
      return !drains;
    }
    const bounds = drains || this.redelivery.source ? { ...this.bounds, lingerMs: 0 } : this.bounds;
    const { signal } = drains ? this.stopping : this.interrupt;
    const batch = await this.persist('the queue cannot be read', () =>
      this.reader.read(bounds, signal).catch((error: unknown) => {
        if (!signal.aborted) {
          throw error;
        }
      }),
    );
    if (batch) {
      await this.deliver(this.reader, batch);
    }
    return batch !== undefined || !this.stopping.signal.aborted;
  }

  private async deliver(source: BatchSource, { events, end }: Batch): Promise<void> {
    this.source = source;
    this.inOrder = true;
    let unsettled = await this.settle(events);
    for (let attempts = 1; unsettled.length > 0; attempts += 1) {
      await this.pause(attempts);
      unsettled = await this.settle(unsettled);
    }
    this.release();
    await this.commit(end);
  }

  /** Writes or dead-letters each event; gives back those that the sink refuses while the lane holds. */
  private async settle(events: readonly StoredEvent[]): Promise<readonly StoredEvent[]> {
    if (events.length === 0) {
      return [];
    }
    const refusal = await this.write(events);
    if (!refusal) {
      this.refusalsInARow = 0;
      return [];
    }
    if (refusal instanceof RejectedEventsError) {
      this.inOrder = false;
      const others = events.filter((_, index) => !refusal.rejections.has(index));
      const unsettled = refusal.others === 'written' ? [] : [...(await this.settle(others))];
      if (refusal.others === 'written' && others.length > 0) {
        this.refusalsInARow = 0;
      }
      for (const [index, reason] of refusal.rejections) {
        const event = events[index];
        if (event && !(await this.refuse(event, reason))) {
          unsettled.push(event);
        }
      }
      return unsettled.toSorted((a, b) => a.position - b.position);
    }
    const [first, ...rest] = events;
    if (first && rest.length === 0) {
      const { message, verbatim } = refusal;
      return (await this.refuse(first, message, verbatim)) ? [] : [first];
    }
    return this.bisect(events);
  }

  private async bisect(events: readonly StoredEvent[]): Promise<readonly StoredEvent[]> {
    const middle = Math.ceil(events.length / 2);
    const behind = events[middle];
    const unsettled = await this.settle(events.slice(0, middle));
    if (unsettled.length > 0) {
      this.inOrder = false;
    }
    if (this.inOrder && behind) {
      await this.commit(behind.position);
    }
    return [...unsettled, ...(await this.settle(events.slice(middle)))];
  }

  /**
   * False when the lane holds: the event is kept for another attempt.
   * @param error without a part of the event
   */
  private async refuse(event: StoredEvent, error: string, verbatim = error): Promise<boolean> {
    // What is replayed was among the dead letters before: refused again, it goes back there.
    const isNew = this.source === this.reader;
    if (isNew && this.refusalsInARow >= HOLD_AFTER_REFUSALS) {
      this.hold(
        `the sink has refused ${this.refusalsInARow} events in a row and accepted none; ` +
          `look at its table or topic. It said: ${error}`,
      );
      return false;
    }
    await this.persist('the dead letters cannot be written', () =>
      this.deadLetters.append(this.name, [
        { event: event.json, reason: 'rejected', error: verbatim },
      ]),
    );
    this.refusalsInARow += isNew ? 1 : 0;
    this.toCommit = { ...this.toCommit, deadLettered: this.toCommit.deadLettered + 1 };
    this.observer.eventsDeadLettered(this.name, 'rejected', 1);
    return true;
  }

  private write(
    events: readonly StoredEvent[],
  ): Promise<RejectedEventsError | RejectedBatchError | undefined> {
    return this.attempt(async (seconds) => {
      try {
        const { duplicates } = await this.sink.write(events);
        this.observer.batchWritten(this.name, events.length, duplicates, seconds());
        return undefined;
      } catch (error) {
        if (!(error instanceof RejectedEventsError || error instanceof RejectedBatchError)) {
          throw error;
        }
        this.observer.batchFailed(this.name, 'rejected', seconds());
        if (error instanceof RejectedEventsError && error.others === 'written') {
          this.observer.eventsWritten(this.name, events.length - error.rejections.size);
        }
        return error;
      }
    });
  }

  /** Tries until the sink has answered, for as long as it takes. */
  private async attempt<T>(operation: (seconds: () => number) => Promise<T>): Promise<T> {
    for (let attempts = 1; ; attempts += 1) {
      // Once the time is over the sink is closed.
      this.stopping.signal.throwIfAborted();
      const startedAt = performance.now();
      const seconds = (): number => (performance.now() - startedAt) / 1000;
      try {
        const answer = await operation(seconds);
        this.sinkState.attemptSucceeded();
        return answer;
      } catch (error) {
        const errorType = error instanceof RetryableSinkError ? error.errorType : 'other';
        this.observer.batchFailed(this.name, errorType, seconds());
        this.sinkState.attemptFailed(error as Error);
      }
      await this.pause(attempts);
      this.observer.batchRetried(this.name);
    }
  }

  /** Tries until our own disk does it; the lane holds meanwhile. */
  private async persist<T>(failure: string, operation: () => Promise<T>): Promise<T> {
    for (let attempts = 1; ; attempts += 1) {
      // Once the time is over, the queue is given free: nothing may be written to it any more.
      this.stopping.signal.throwIfAborted();
      try {
        const done = await operation();
        if (this.refusalsInARow < HOLD_AFTER_REFUSALS) {
          this.release();
        }
        return done;
      } catch (error) {
        this.hold(`${failure}: ${(error as Error).message}`);
      }
      await this.pause(attempts);
    }
  }

  private async commit(position: number): Promise<void> {
    await this.persist('the position in the queue cannot be written', () =>
      this.source.commit(position, this.toCommit),
    );
    this.toCommit = ALL_DELIVERED;
  }

  /** Rejects when the lane is to stop. */
  private async pause(failedAttempts: number): Promise<void> {
    await sleep(backoffMs(failedAttempts), undefined, { signal: this.stopping.signal });
    await this.serveRequests();
  }

  private hold(reason: string): void {
    if (this.held === undefined) {
      this.logger.error(`holds, its events stay queued: ${reason}`);
    }
    this.held = reason;
  }

  private release(): void {
    if (this.held !== undefined) {
      this.logger.log('goes on');
    }
    this.held = undefined;
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
    }
    signal.addEventListener('abort', () => resolve());
  });
}
