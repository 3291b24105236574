import { setTimeout as sleep } from 'node:timers/promises';
import { Cluster } from '../../../src/kafka/cluster.js';
import type { KafkaConnectionOptions } from '../../../src/kafka/kafka-connection.options.js';
import { Coordinator } from '../../../src/queueing/kafka/coordinator.js';

const TIMES = { sessionMs: 0, rebalanceMs: 0 };
const INTERVAL_MS = 100;

/** Looks at a group's committed offsets all the time. */
export class CommittedOffsets {
  /** `partition: offset after offset`, each time that one went back. */
  readonly steps: string[] = [];
  private readonly cluster: Cluster;
  private readonly coordinator: Coordinator;
  private readonly last = new Map<number, number>();
  private stopped = false;
  private readonly running: Promise<void>;

  constructor(
    connection: KafkaConnectionOptions,
    private readonly topic: string,
    group: string,
    private readonly partitions: number,
  ) {
    this.cluster = new Cluster(connection);
    this.coordinator = new Coordinator(this.cluster, this.cluster, group, 'watcher', TIMES);
    this.running = this.run();
  }

  /** By partition; those without one are left out. */
  async read(): Promise<ReadonlyMap<number, number>> {
    const all = Array.from({ length: this.partitions }, (_, partition) => partition);
    const found = await this.coordinator.offsets(this.topic, all);
    return new Map(Array.from(found, ([partition, { offset }]) => [partition, offset]));
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.running;
    this.cluster.close();
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      for (const [partition, offset] of await this.read().catch(() => new Map<number, number>())) {
        const before = this.last.get(partition) ?? 0;
        if (offset < before) {
          this.steps.push(`${partition}: ${offset} after ${before}`);
        }
        this.last.set(partition, offset);
      }
      await sleep(INTERVAL_MS);
    }
  }
}
