import type { SinkStatus } from './queue-driver.js';

/** What all instances together have made of the events in their topic. */
export interface FleetStatus {
  /** How many the topic has. */
  readonly partitions: number;
  /** How long the topic keeps an event; undefined for ever, and when the brokers do not tell. */
  readonly retentionSeconds: number | undefined;
  readonly sinks: readonly SinkStatus[];
}

/** All instances that share a queue, seen from one of them. */
export abstract class Fleet {
  /** All of it is of one moment. Rejects while the queue is away, or only a part of it answers. */
  abstract status(): Promise<FleetStatus>;

  /** How many partitions this instance reads, by sink. */
  abstract owned(): ReadonlyMap<string, number>;

  abstract close(): void;
}
