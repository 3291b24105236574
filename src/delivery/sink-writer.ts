import type { StoredEvent } from '../event/stored-event.js';
import type { PipelineObserver } from '../metrics/pipeline-observer.js';
import {
  RejectedBatchError,
  RejectedEventsError,
  RetryableSinkError,
  type Sink,
} from '../sinks/sink.js';
import type { Hold } from './hold.js';
import type { Retry } from './retry.js';
import type { SinkState } from './sink-state.js';

export type Refusal = RejectedEventsError | RejectedBatchError;

/** What a sink says to events; undefined when it has stored them. A suspect error leaves open who is at fault. */
export type Answer = Refusal | RetryableSinkError | undefined;

/** Writes to a lane's sink, and knows whether it takes events. */
export class SinkWriter {
  private acceptedWrites = 0;
  private suspectWrites = 0;

  constructor(
    private readonly sink: Sink,
    private readonly sinkState: SinkState,
    private readonly retry: Retry,
    private readonly hold: Hold,
    private readonly observer: PipelineObserver,
  ) {}

  /** How often the sink has stored an event: it grows when something is proven. */
  get acceptances(): number {
    return this.acceptedWrites;
  }

  /** Suspect errors since the sink has stored an event. */
  get suspectsInARow(): number {
    return this.suspectWrites;
  }

  /** Resolves when the sink has answered; what is an outage for certain is retried until then. */
  async write(events: readonly StoredEvent[]): Promise<Answer> {
    if (this.suspectWrites > 0) {
      this.sinkState.attemptRepeated();
    }
    return this.retry.retrySink<Answer>(
      (seconds) => this.attempt(events, seconds),
      (error) => this.suspectIn(error),
    );
  }

  private async attempt(
    events: readonly StoredEvent[],
    seconds: () => number,
  ): Promise<Refusal | undefined> {
    const { name } = this.sinkState;
    try {
      const { duplicates } = await this.sink.write(events);
      this.observer.batchWritten(name, events.length, duplicates, seconds());
      this.accepted();
      return undefined;
    } catch (error) {
      if (!(error instanceof RejectedEventsError || error instanceof RejectedBatchError)) {
        throw error;
      }
      this.observer.batchFailed(name, 'rejected', seconds());
      if (error instanceof RejectedEventsError && error.others === 'written') {
        this.othersWritten(events.length - error.rejections.size);
      }
      return error;
    }
  }

  private othersWritten(events: number): void {
    this.observer.eventsWritten(this.sinkState.name, events);
    if (events > 0) {
      this.accepted();
    }
  }

  private accepted(): void {
    this.acceptedWrites += 1;
    this.suspectWrites = 0;
    this.hold.accepted();
  }

  private suspectIn(error: unknown): RetryableSinkError | undefined {
    if (!(error instanceof RetryableSinkError && error.suspect)) {
      return undefined;
    }
    this.suspectWrites += 1;
    return error;
  }
}
