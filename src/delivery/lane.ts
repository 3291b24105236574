import { Logger } from '@nestjs/common';
import type { StoredEvent } from '../event/stored-event.js';
import type { PipelineObserver } from '../metrics/pipeline-observer.js';
import type { Batch, BatchSource } from '../queueing/event-queue.js';
import type { Sink } from '../sinks/sink.js';
import { Accounting } from './accounting.js';
import { closeSink } from './close-sink.js';
import type { DeadLetterReplay } from './dead-letters/dead-letter-replay.js';
import { DeadLetterWriter } from './dead-letters/dead-letter-writer.js';
import type { DeadLetters } from './dead-letters/dead-letters.js';
import { Redelivery } from './dead-letters/redelivery.js';
import { Hold } from './hold.js';
import { Neighbours } from './neighbours.js';
import { Passage, type PassageBounds } from './passage.js';
import { Probe } from './probe.js';
import { Retry } from './retry.js';
import type { Complaint } from './settle-events.js';
import { SinkState } from './sink-state.js';
import { SinkWriter } from './sink-writer.js';
import { waitUntil } from './wait-until.js';

/**
 * One sink's way out of the queue: batches, retries, probes, dead-letters. Commits a position only
 * after the sink has confirmed everything before it, or its dead letter is synced.
 */
export class Lane {
  readonly name: string;
  readonly sinkState: SinkState;
  readonly accounting: Accounting;
  private readonly hold: Hold;
  private readonly retry: Retry;
  private readonly redelivery: Redelivery;
  private readonly letters: DeadLetterWriter;
  private readonly neighbours: Neighbours;
  private readonly probe: Probe;
  private readonly queued: Passage;
  private readonly replayed: Passage;
  /** Ends everything. */
  private readonly stopping = new AbortController();
  private draining = false;
  /** Belongs to what was read last; all that is in hand is lost together. */
  private lost: AbortSignal | undefined;
  /** An operator may have asked for something before the start. */
  private wakeRequested = true;
  /** Ends the wait for more events. */
  private waiting = new AbortController();
  private running: Promise<void> | undefined;

  constructor(
    private readonly source: BatchSource,
    private readonly sink: Sink,
    private readonly bounds: PassageBounds,
    deadLetters: DeadLetters,
    observer: PipelineObserver,
  ) {
    this.name = source.name;
    this.accounting = new Accounting(source);
    this.hold = new Hold(new Logger(`Lane ${this.name}`));
    this.sinkState = new SinkState(this.name, sink, observer);
    this.redelivery = new Redelivery(this.name, this.accounting, deadLetters, observer);
    this.retry = new Retry(this.sinkState, this.hold, this.stopping.signal, () =>
      this.serveRequests(),
    );
    const { store } = deadLetters;
    this.letters = new DeadLetterWriter(this.name, store, this.retry, this.accounting, observer);
    this.neighbours = new Neighbours(source, bounds);
    const writer = new SinkWriter(sink, this.sinkState, this.retry, this.hold, observer);
    this.probe = new Probe(writer, this.neighbours, this.retry, this.hold);
    this.queued = this.passage(writer, 'queue', async (position) => {
      await this.accounting.commit(position);
      this.neighbours.committed(position);
    });
    this.replayed = this.passage(writer, 'replay', async (position) => {
      await this.redelivery.replay?.commit(position);
    });
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
   * Delivers what is queued, and of what others read too the batch in hand; a replay continues after the next start.
   * Resolves when nothing is left, or once `deadline` is aborted.
   */
  async drain(deadline: AbortSignal): Promise<void> {
    const stop = (): void => this.stopping.abort(new Error('the time to drain is over'));
    // Also when nothing is queued: a sink that was never up must not keep the process.
    if (deadline.aborted || this.source.depth === 0) {
      stop();
    }
    deadline.addEventListener('abort', stop);
    this.draining = true;
    this.queued.drain();
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
      if (this.replayInTurn) {
        await this.deliverReplayed(this.replayInTurn);
      }
      await this.replayed.judge();
      running = await this.deliverQueued();
      await this.whileOurs(() => this.queued.judge());
    }
  }

  /** Its next batch comes when no event that was dead-lettered before it began is uncounted. */
  private get replayInTurn(): DeadLetterReplay | undefined {
    const isTurn = !this.draining && this.queued.isEmpty && this.replayed.isEmpty;
    return isTurn ? this.redelivery.replay : undefined;
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
      await this.replayed.deliver(batch);
    } else {
      await this.retry.retryDisk('the dead letters cannot be removed', () =>
        this.redelivery.finish(),
      );
    }
  }

  /** False once the queue is drained. */
  private async deliverQueued(): Promise<boolean> {
    const drains = this.draining;
    if (drains && this.source.isShared) {
      return false;
    }
    if (this.source.depth === 0 && (drains || this.replayInTurn)) {
      return !drains;
    }
    const batch = await this.nextBatch();
    if (batch) {
      this.giveUpLost();
      this.lost = batch.lost;
      await this.whileOurs(() => this.queued.deliver(batch));
    }
    return batch !== undefined || !this.stopping.signal.aborted;
  }

  /** Stops when what is in hand is no longer this lane's to deliver, and continues with what is read next. */
  private async whileOurs(work: () => Promise<void>): Promise<void> {
    this.giveUpLost();
    const { lost } = this;
    try {
      await this.retry.whileOurs(lost, work);
    } catch (error) {
      if (!lost?.aborted) {
        throw error;
      }
      this.stopping.signal.throwIfAborted();
      this.giveUpLost();
    }
  }

  private giveUpLost(): void {
    if (this.lost?.aborted) {
      this.lost = undefined;
      this.queued.giveUp();
      this.accounting.giveUp();
    }
  }

  /** Undefined when something else is to be done: a request, a judgement, the drain or the end. */
  private async nextBatch(): Promise<Batch | undefined> {
    const replays = this.redelivery.replay !== undefined;
    const bounds = this.draining || replays ? { ...this.bounds, lingerMs: 0 } : this.bounds;
    const { signal } = this.draining ? this.stopping : this.waiting;
    const mayRead = this.queued.hasRoom && (this.queued.isEmpty || !replays);
    const dueInMs = Math.min(
      ...[this.queued, this.replayed].map((passage) => passage.dueInMs ?? Infinity),
    );
    return waitUntil(dueInMs, signal, (due) =>
      mayRead
        ? this.retry.retryDisk('the queue cannot be read', () =>
            this.source.read(bounds, due).catch((error: unknown): undefined => {
              if (!due.aborted) {
                throw error;
              }
            }),
          )
        : Promise.resolve(undefined),
    );
  }

  private passage(
    writer: SinkWriter,
    source: 'queue' | 'replay',
    commit: (position: number) => Promise<void>,
  ): Passage {
    const neighbours = source === 'queue' ? this.neighbours : undefined;
    return new Passage(this.bounds, writer, neighbours, this.probe, {
      reject: (event, complaint, othersTaken) =>
        // What is replayed was refused before: refused again, it says nothing new about the table or topic.
        this.reject(event, complaint, { source, mayHold: source === 'queue' && !othersTaken }),
      commit: (position) =>
        this.retry.retryDisk('the position in the queue cannot be written', () => commit(position)),
      pause: (failedAttempts) => this.retry.pause(failedAttempts),
    });
  }

  private async reject(
    event: StoredEvent,
    complaint: Complaint,
    { source, mayHold }: { readonly source: 'queue' | 'replay'; readonly mayHold: boolean },
  ): Promise<void> {
    const mayBeSink = mayHold && this.hold.refusesTooMuch;
    if (mayBeSink && (await this.probe.isStoredInTheEnd(event, complaint.message))) {
      return;
    }
    if (source === 'queue' && this.source.refuse(event.position, complaint.message)) {
      this.accounting.givenUp(event.position);
    } else {
      await this.letters.write(event, complaint, source);
    }
    if (mayHold) {
      this.hold.refused();
    }
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
