import { embeddedDriver } from './embedded/embedded-driver.js';
import { kafkaDriver } from './kafka/kafka-driver.js';
import type { QueueDriver } from './queue-driver.js';
import type { QueueDriverName } from './queueing.options.js';

/** Every queue driver there is: one line each. */
export const QUEUE_CATALOGUE: Readonly<Record<QueueDriverName, QueueDriver>> = {
  embedded: embeddedDriver,
  kafka: kafkaDriver,
};
