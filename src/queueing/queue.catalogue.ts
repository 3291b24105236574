import type { PipelineObserver } from '../metrics/pipeline-observer.js';
import { EmbeddedQueue } from './embedded/embedded-queue.js';
import type { EventQueue, Readers } from './event-queue.js';
import type { QueueingOptions } from './queueing.options.js';

const MIB = 1024 * 1024;

/** Opens the queue of one driver, for these sinks. */
export type OpenQueue = (
  options: QueueingOptions,
  sinks: readonly string[],
  observer: PipelineObserver,
) => Promise<EventQueue & Readers>;

/** Every queue driver there is: one line each. */
export const QUEUE_CATALOGUE: Readonly<Record<'embedded', OpenQueue>> = {
  embedded: ({ path, maxMegabytes }, sinks, observer) =>
    EmbeddedQueue.open({ directory: path, maxBytes: maxMegabytes * MIB, sinks }, observer),
};
