import { Logger } from '@nestjs/common';
import type { StoredEvent } from '../event/stored-event.js';
import type { PipelineObserver } from '../metrics/pipeline-observer.js';
import type { Batch, BatchBounds, BatchSource } from '../queueing/event-queue.js';
import { RejectedBatchError, RejectedEventsError, type Sink } from '../sinks/sink.js';
import { Accounting } from './accounting.js';
import { closeSink } from './close-sink.js';
import type { DeadLetterReplay } from './dead-letters/dead-letter-replay.js';
import type { DeadLetters } from './dead-letters/dead-letters.js';
import { Redelivery } from './dead-letters/redelivery.js';
import { deliverBatch, type EventRefusal, type Refusal } from './deliver-batch.js';
import { Hold } from './hold.js';
import { Retry } from './retry.js';
import { SinkState } from './sink-state.js';

/**
 * One sink's way out of the queue: batches, retries, bisects, dead-letters. Commits a position only
 * after the sink has confirmed everything before it, or its dead letter is synced.
 */
export class Lane {
  readonly name: string;
  readonly sinkState: SinkState;
  readonly accounting: Accounting;
  private readonly hold: Hold;
  private readonly retry: Retry;
  private readonly redelivery: Redelivery;
  /** Ends everything. */
  private readonly stopping = new AbortController();
  private draining = false;
  /** An operator may have asked for something before the start. */
  private wakeRequested = true;
  /** Ends the wait for more events. */
  private waiting = new AbortController();
  private running: Promise<void> | undefined;

  constructor(
    private readonly source: BatchSource,
    private readonly sink: Sink,
    private readonly bounds: BatchBounds,
    private readonly deadLetters: DeadLetters,
    private readonly observer: PipelineObserver,
  ) {
    this.name = source.name;
    this.accounting = new Accounting(source);
    this.hold = new Hold(new Logger(`Lane ${this.name}`));
    this.sinkState = new SinkState(this.name, sink, observer);
    this.redelivery = new Redelivery(this.name, this.accounting, deadLetters, observer);
    this.retry = new Retry(this.sinkState, this.hold, this.stopping.signal, () =>
      this.serveRequests(),
    );
  }

  /** Why the lane delivers nothing although its sink answers; undefined when it does. */
  get holding(): string | undefined {
    return this.hold.reason;
  }

  /** 0 when nothing is queued. */
  get oldestEventAgeSeconds(): number {
    return this.source.oldestEventAgeSeconds;
  }

  start(): void {
    this.running = this.run().catch((error: Error) => {
      if (!this.stopping.signal.aborted) {
        this.hold.begin(`it stopped for an unexpected error: ${error.stack}`);
      }
    });
  }

  /** Looks for requests about its dead letters at the next moment that suits it. */
  wake(): void {
    this.wakeRequested = true;
    this.waiting.abort(new Error('there may be a request about dead letters'));
  }

  /**
   * Delivers what is queued; a replay continues after the next start. Resolves when nothing is left, or
   * once `deadline` is aborted.
   */
  async drain(deadline: AbortSignal): Promise<void> {
    const stop = (): void => this.stopping.abort(new Error('the time to drain is over'));
    // Also when nothing is queued: a sink that was never up must not keep the process.
    if (deadline.aborted || this.source.depth === 0) {
      stop();
    }
    deadline.addEventListener('abort', stop);
    this.draining = true;
    this.waiting.abort(new Error('draining'));
    await Promise.race([this.running, aborted(this.stopping.signal)]);
    deadline.removeEventListener('abort', stop);
    this.stopping.abort();
    this.sinkState.stop();
    await closeSink(this.name, this.sink);
  }

  private async run(): Promise<void> {
    await this.serveRequests();
    await this.retry.retrySink(() => this.sink.open());
    this.sinkState.start();
    let running = true;
    while (running) {
      await this.serveRequests();
      if (this.redelivery.replay && !this.draining) {
        await this.deliverReplayed(this.redelivery.replay);
      }
      running = await this.deliverQueued();
    }
  }

  private async serveRequests(): Promise<void> {
    if (!this.wakeRequested) {
      return;
    }
    this.wakeRequested = false;
    if (!this.draining) {
      this.waiting = new AbortController();
    }
    await this.redelivery.serve();
  }

  /** In turns with batches of the queue: neither waits for the other's end. */
  private async deliverReplayed(replay: DeadLetterReplay): Promise<void> {
    const batch = await this.retry.retryDisk('the dead letters cannot be read', () =>
      replay.read(this.bounds),
    );
    if (batch) {
      // What is replayed was refused before: refused again, it says nothing new about the table or topic.
      await this.deliver(batch, (position) => replay.commit(position), { mayHold: false });
    } else {
      await this.retry.retryDisk('the dead letters cannot be removed', () =>
        this.redelivery.finish(),
      );
    }
  }

  /** False once the queue is drained. */
  private async deliverQueued(): Promise<boolean> {
    const drains = this.draining;
    if (this.source.depth === 0 && (drains || this.redelivery.replay)) {
      return !drains;
    }
    const bounds = drains || this.redelivery.replay ? { ...this.bounds, lingerMs: 0 } : this.bounds;
    const { signal } = drains ? this.stopping : this.waiting;
    const batch = await this.retry.retryDisk('the queue cannot be read', () =>
      this.source.read(bounds, signal).catch((error: unknown) => {
        if (!signal.aborted) {
          throw error;
        }
      }),
    );
    if (batch) {
      await this.deliver(batch, (position) => this.accounting.commit(position), { mayHold: true });
    }
    return batch !== undefined || !this.stopping.signal.aborted;
  }

  private deliver(
    batch: Batch,
    commit: (position: number) => Promise<void>,
    { mayHold }: { readonly mayHold: boolean },
  ): Promise<void> {
    return deliverBatch(batch, {
      write: (events) => this.write(events),
      reject: (event, refusal) => this.reject(event, refusal, mayHold),
      commit: (position) =>
        this.retry.retryDisk('the position in the queue cannot be written', () => commit(position)),
      pause: (failedAttempts) => this.retry.pause(failedAttempts),
    });
  }

  private write(events: readonly StoredEvent[]): Promise<Refusal | undefined> {
    return this.retry.retrySink(async (seconds) => {
      try {
        const { duplicates } = await this.sink.write(events);
        this.observer.batchWritten(this.name, events.length, duplicates, seconds());
        this.hold.accepted();
        return undefined;
      } catch (error) {
        if (!(error instanceof RejectedEventsError || error instanceof RejectedBatchError)) {
          throw error;
        }
        this.observer.batchFailed(this.name, 'rejected', seconds());
        if (error instanceof RejectedEventsError && error.others === 'written') {
          this.othersWritten(events.length - error.rejections.size);
        }
        return error;
      }
    });
  }

  private othersWritten(events: number): void {
    this.observer.eventsWritten(this.name, events);
    if (events > 0) {
      this.hold.accepted();
    }
  }

  /** False when the lane holds: the event is kept for another attempt. */
  private async reject(
    event: StoredEvent,
    { message, verbatim = message }: EventRefusal,
    mayHold: boolean,
  ): Promise<boolean> {
    if (mayHold && this.hold.refusesTooMuch) {
      this.hold.beginForRefusals(message);
      return false;
    }
    const letter = { event: event.json, reason: 'rejected' as const, error: verbatim };
    await this.retry.retryDisk('the dead letters cannot be written', () =>
      this.deadLetters.store.append(this.name, [letter]),
    );
    if (mayHold) {
      this.hold.refused();
    }
    this.accounting.deadLettered(1);
    this.observer.eventsDeadLettered(this.name, 'rejected', 1);
    return true;
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
