import type { KafkaBroker } from '../servers/kafka-broker.js';

/** Counts what the Kafka sink has written, by the process that wrote it. */
export class TopicTally {
  /** How often each event is there. */
  readonly copies = new Map<string, number>();
  /** Number of records in each partition, at the end of each process. */
  private readonly ends: number[][] = [];

  constructor(
    private readonly broker: KafkaBroker,
    private readonly topic: string,
    private readonly partitions: number,
  ) {}

  create(): Promise<void> {
    return this.broker.createTopic(this.topic, { partitions: this.partitions });
  }

  /** When a process has ended. */
  async mark(): Promise<void> {
    this.ends.push(await this.broker.endsOf(this.topic, this.partitions));
  }

  /**
   * Once, when all have ended.
   * @returns for each process, how many of its records repeat earlier ones
   */
  async count(): Promise<number[]> {
    const repeated = this.ends.map(() => 0);
    // An event has its partition by its key: all its records are there, in their order.
    const partitions = Map.groupBy(
      await this.broker.recordsOf(this.topic),
      ({ partition }) => partition,
    );
    for (const [partition, records] of partitions) {
      let writer = 0;
      for (const [offset, { key = '' }] of records.entries()) {
        while (offset >= (this.ends[writer]?.[partition] ?? Infinity)) {
          writer += 1;
        }
        const before = this.copies.get(key) ?? 0;
        this.copies.set(key, before + 1);
        repeated[writer] = (repeated[writer] ?? 0) + (before > 0 ? 1 : 0);
      }
    }
    return repeated;
  }
}
