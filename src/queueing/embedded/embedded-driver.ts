import type { QueueDriver } from '../queue-driver.js';
import { EmbeddedQueue } from './embedded-queue.js';
import { forgetSink, queueStatus } from './queue-status.js';

const MIB = 1024 * 1024;

export const embeddedDriver: QueueDriver = {
  open: ({ path, maxMegabytes }, sinks, observer) =>
    EmbeddedQueue.open({ directory: path, maxBytes: maxMegabytes * MIB, sinks }, observer),
  status: ({ path }) => queueStatus(path),
  forget: ({ path }, sink) => forgetSink(path, sink),
};
