import { setTimeout as sleep } from 'node:timers/promises';
import { Cluster } from '../../../src/kafka/cluster.js';
import type { KafkaConnectionOptions } from '../../../src/kafka/kafka-connection.options.js';
import { Producer } from '../../../src/kafka/producer.js';

const BATCH = 20;
const PAUSE_MS = 20;

/** Sends numbered events to a topic, for as long as it runs. */
export class Feed {
  /** Confirmed by the topic. */
  readonly sent: string[] = [];
  private stopped = false;
  private running: Promise<void> | undefined;

  constructor(
    private readonly connection: KafkaConnectionOptions,
    private readonly topic: string,
    private readonly name: string,
  ) {}

  start(): void {
    this.running = this.run(() => !this.stopped);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.running;
  }

  /** So many events, at once. */
  async send(count: number): Promise<void> {
    const target = this.sent.length + count;
    await this.run(() => this.sent.length < target);
  }

  private async run(goesOn: () => boolean): Promise<void> {
    const options = { topic: this.topic, acks: -1, compression: 'none' } as const;
    const producer = new Producer<string>(new Cluster(this.connection), options, (text) => ({
      key: undefined,
      value: Buffer.from(text),
      headers: new Map(),
    }));
    while (goesOn()) {
      const batch = Array.from({ length: BATCH }, (_, index) =>
        JSON.stringify({ e: `${this.name}-${this.sent.length + index}` }),
      );
      await writeInTheEnd(producer, batch);
      this.sent.push(...batch);
      await sleep(PAUSE_MS);
    }
    producer.close();
  }
}

async function writeInTheEnd(producer: Producer<string>, batch: readonly string[]): Promise<void> {
  for (;;) {
    try {
      await producer.write(batch);
      return;
    } catch {
      await sleep(PAUSE_MS);
    }
  }
}
