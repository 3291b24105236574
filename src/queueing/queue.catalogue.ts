import { embeddedDriver } from './embedded/embedded-driver.js';
import type { QueueDriver } from './queue-driver.js';

/** Every queue driver there is: one line each. */
export const QUEUE_CATALOGUE = {
  embedded: embeddedDriver,
} as const satisfies Readonly<Record<string, QueueDriver>>;

/** The one in use. */
export const queueDriver: QueueDriver = QUEUE_CATALOGUE.embedded;
