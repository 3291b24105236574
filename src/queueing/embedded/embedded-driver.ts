import type { PipelineObserver } from '../../metrics/pipeline-observer.js';
import { type QueueDriver, replayMarkIn } from '../queue-driver.js';
import { FORWARD_LANE, lanesOf } from '../queue-plan.js';
import { QueueingOptions } from '../queueing.options.js';
import { EmbeddedQueue } from './embedded-queue.js';
import { forgetSink, queueStatus } from './queue-status.js';
import { type HowToDeliver, nameItAgain } from './starting-cursors.js';

const MIB = 1024 * 1024;

/** What is on the disk of an instance. */
export function openEmbeddedQueue(
  { path: directory, maxMegabytes }: QueueingOptions,
  sinks: readonly string[],
  howToDeliver: HowToDeliver,
  observer: PipelineObserver,
): Promise<EmbeddedQueue> {
  return EmbeddedQueue.open(
    { directory, maxBytes: maxMegabytes * MIB, sinks, howToDeliver },
    observer,
  );
}

export const embeddedDriver: QueueDriver = {
  optionsClasses: [QueueingOptions],

  async open(get, plan, observer) {
    const queue = await openEmbeddedQueue(
      get(QueueingOptions),
      lanesOf(plan),
      howToDeliver,
      observer,
    );
    return { local: queue, readers: queue };
  },

  status: (get) => queueStatus(get(QueueingOptions).path),

  replayMark: async (get, sink) => replayMarkIn(await queueStatus(get(QueueingOptions).path), sink),

  async forget(get, { outputs }, sink) {
    if (outputs.includes(sink)) {
      throw new Error(
        `OUTPUTS names ${sink}: what is queued for it is still to be delivered. To give it up, take ${sink} out of ` +
          'OUTPUTS first',
      );
    }
    return forgetSink(get(QueueingOptions).path, sink);
  },
};

const howToDeliver: HowToDeliver = (sink) =>
  sink === FORWARD_LANE
    ? {
        cause: `QUEUE_DRIVER=embedded does not forward the lane ${sink}`,
        remedy: 'Set QUEUE_DRIVER to kafka to forward them',
      }
    : nameItAgain(sink);
