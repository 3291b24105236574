import type { EncodedEvent } from '../../event/stored-event.js';
import type { PipelineObserver } from '../../metrics/pipeline-observer.js';
import {
  EventQueue,
  type LocalQueue,
  QueueRefusedError,
  type QueueState,
  QueueUnavailableError,
} from '../../queueing/event-queue.js';
import type { SinkState } from '../sink-state.js';
import type { ForwardOptions } from './forward.options.js';
import type { Unconfirmed } from './unconfirmed.js';

/** Each of them is a request that waits in memory; less than the topic takes in the time that one may wait. */
const MAX_WAITING = 32_768;

/**
 * The queue whose events are to be in the topic before anybody is told that they are accepted. The local one is its
 * write-ahead log, and holds them while the topic is away.
 */
export class ReplicatedQueue extends EventQueue {
  constructor(
    private readonly local: LocalQueue,
    private readonly unconfirmed: Unconfirmed,
    private readonly options: ForwardOptions,
    private readonly observer: PipelineObserver,
    private readonly topic: Pick<SinkState, 'state' | 'error'>,
  ) {
    super();
  }

  get state(): QueueState {
    const { state } = this.local;
    return state === 'accepting' && this.refusesAll ? 'away' : state;
  }

  get overloaded(): boolean {
    return this.local.overloaded || this.unconfirmed.size >= MAX_WAITING;
  }

  get failure(): string | undefined {
    return this.local.failure ?? (this.refusesAll ? this.whyAway : undefined);
  }

  append(events: readonly EncodedEvent[]): Promise<void> {
    if (this.options.ack === 'local' || events.length === 0) {
      return this.local.append(events);
    }
    if (!this.isAway) {
      return this.appendAndWait(events);
    }
    if (this.options.whenAway === 'refuse') {
      return Promise.reject(new QueueUnavailableError('queue_away', this.whyAway));
    }
    const { length } = events;
    return this.local.append(events, () => {
      this.unconfirmed.isLate = true;
      this.observer.eventsSpilled(length);
    });
  }

  override store(events: readonly EncodedEvent[]): Promise<void> {
    return this.local.append(events);
  }

  /** Resolves when the lane has committed past the events, and not as soon as they are on the disk. */
  private appendAndWait(events: readonly EncodedEvent[]): Promise<void> {
    const answer = Promise.withResolvers<void>();
    this.local.append(events, this.waiting(events.length, answer)).catch(answer.reject);
    return answer.promise;
  }

  /** Not where the events are in scope: they would be kept for as long as the answer waits. */
  private waiting(
    length: number,
    { resolve, reject }: PromiseWithResolvers<void>,
  ): (position: number) => void {
    return (first) =>
      this.unconfirmed.add({
        first,
        end: first + length,
        confirmed: resolve,
        refused: (reason) => reject(new QueueRefusedError(reason)),
        late: () => {
          if (this.options.whenAway === 'refuse') {
            reject(new QueueUnavailableError('queue_away', this.whyAway));
          } else {
            this.observer.eventsSpilled(length);
            resolve();
          }
        },
      });
  }

  private get refusesAll(): boolean {
    const { ack, whenAway } = this.options;
    return ack === 'replicated' && whenAway === 'refuse' && this.isAway;
  }

  /** It is known that the topic would not confirm in time. */
  private get isAway(): boolean {
    return this.unconfirmed.isLate || this.topic.state === 'down';
  }

  private get whyAway(): string {
    const { ackTimeoutMs } = this.options;
    return this.topic.error ?? `the topic has not confirmed events within ${ackTimeoutMs} ms`;
  }
}
