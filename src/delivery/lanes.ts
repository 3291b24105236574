import {
  type BeforeApplicationShutdown,
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { InjectOptions } from '../config/inject-options.js';
import { PipelineObserver } from '../metrics/pipeline-observer.js';
import { Readers } from '../queueing/event-queue.js';
import { DeadLetters } from './dead-letters/dead-letters.js';
import { Lane } from './lane.js';
import { LANE_INPUTS, type LaneInput } from './lane-input.js';
import { DeliveryOptions } from './delivery.options.js';

const MAX_BATCH_BYTES = 4 * 1024 * 1024;

/** All lanes, from the start of delivery to the end of the drain. */
@Injectable()
export class Lanes
  implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown
{
  readonly all: readonly Lane[];
  /** Why the shutdown did not go as it should: Nest logs what a hook throws, and forgets it. */
  shutdownError: Error | undefined;
  private deadline: AbortSignal | undefined;
  private stopListening: readonly (() => void)[] = [];

  constructor(
    @InjectOptions(DeliveryOptions) private readonly options: DeliveryOptions,
    @Inject(LANE_INPUTS) inputs: readonly LaneInput[],
    private readonly readers: Readers,
    private readonly deadLetters: DeadLetters,
    private readonly observer: PipelineObserver,
  ) {
    const bounds = {
      maxEvents: options.batchSize,
      maxBytes: MAX_BATCH_BYTES,
      lingerMs: options.flushIntervalMs,
    };
    this.all = inputs.map(
      ({ source, sink, bounds: own }) =>
        new Lane(source, sink, { ...bounds, ...own }, deadLetters, observer),
    );
  }

  lane(name: string): Lane {
    const found = this.all.find((lane) => lane.name === name);
    if (!found) {
      throw new Error(`there is no lane ${name}`);
    }
    return found;
  }

  /** Events that are queued for each sink, a replay's too; sinks without any are left out. */
  get undelivered(): ReadonlyMap<string, number> {
    const queued = this.all.map(
      ({ name, accounting }) => [name, accounting.ledger.queued] as const,
    );
    return new Map(queued.filter(([, events]) => events > 0));
  }

  onApplicationBootstrap(): void {
    this.observer.lanesOpened(() =>
      this.all.map(({ name, accounting, oldestEventAgeSeconds }) => ({
        sink: name,
        ledger: accounting.ledger,
        oldestEventAgeSeconds,
      })),
    );
    this.stopListening = this.all.map((lane) =>
      this.deadLetters.requests.listen(lane.name, () => lane.wake()),
    );
    this.deadLetters.store.open();
    for (const lane of this.all) {
      lane.start();
    }
  }

  /** HTTP closes next; the time that its last requests take is taken from the drain's. */
  beforeApplicationShutdown(): void {
    this.deadline = AbortSignal.timeout(this.options.shutdownTimeoutMs);
  }

  /** Runs after HTTP has closed: nothing is appended any more. */
  async onApplicationShutdown(): Promise<void> {
    try {
      this.stopListening.forEach((stop) => stop());
      const deadline = this.deadline ?? AbortSignal.abort();
      const drains = await Promise.allSettled(this.all.map((lane) => lane.drain(deadline)));
      await this.readers.close();
      await this.deadLetters.store.close();
      const failed = drains.find(({ status }) => status === 'rejected');
      if (failed?.status === 'rejected') {
        throw failed.reason;
      }
    } catch (error) {
      this.shutdownError = error as Error;
      throw error;
    }
  }
}
