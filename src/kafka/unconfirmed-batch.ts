import { type MessageRecord, murmur2 } from '@platformatic/kafka';

/** What a record takes beside key and value, about: lengths, times, headers. */
const RECORD_OVERHEAD_BYTES = 64;

export interface KafkaRecord {
  /** Decides which partition it goes to; without a key, the value does. */
  readonly key: Buffer | undefined;
  readonly value: Buffer;
  readonly headers: Map<Buffer, Buffer>;
}

interface Entry {
  /** In the batch. */
  readonly index: number;
  /** It gets the time of each sending. */
  readonly record: MessageRecord;
}

/** Records that go to a partition in one request. Sent again, they have the same numbers: by them a broker knows what it has. */
export interface Chunk {
  readonly entries: readonly Entry[];
  /** Number of its first record; undefined until it is sent. */
  sequence: number | undefined;
}

export interface Plan {
  readonly topic: string;
  readonly partitions: number;
  /** For one request to one partition, at most. */
  readonly chunkBytes: number;
}

/** A batch on its way, as chunks for each partition: what the brokers have not confirmed stays for the next attempt. */
export class UnconfirmedBatch {
  /** Index in the batch → why the brokers do not take the record. */
  readonly refused = new Map<number, string>();
  private readonly chunks = new Map<number, Chunk[]>();

  constructor(records: readonly KafkaRecord[], plan: Plan) {
    const open = new Map<number, { entries: Entry[]; bytes: number }>();
    for (const [index, { key, value, headers }] of records.entries()) {
      // The hash of Java's producer, so that consumers find a key where they always found it.
      const partition = (murmur2(key ?? value) & 0x7f_ff_ff_ff) % plan.partitions;
      const bytes = value.length + (key?.length ?? 0) + RECORD_OVERHEAD_BYTES;
      let chunk = open.get(partition);
      if (!chunk || chunk.bytes + bytes > plan.chunkBytes) {
        chunk = { entries: [], bytes: 0 };
        open.set(partition, chunk);
        const { entries } = chunk;
        this.replace(partition, [...this.of(partition), { entries, sequence: undefined }]);
      }
      chunk.bytes += bytes;
      const record = { topic: plan.topic, partition, value, headers };
      chunk.entries.push({ index, record: key ? { ...record, key } : record });
    }
  }

  /** Those that have not confirmed everything. */
  get partitions(): number[] {
    return [...this.chunks.keys()];
  }

  /** What the partition gets next. */
  next(partition: number): Chunk | undefined {
    return this.of(partition)[0];
  }

  /** The next chunk of the partition is done with. */
  shift(partition: number): void {
    this.replace(partition, this.of(partition).slice(1));
  }

  /** Has the next chunk of the partition sent in two halves. */
  split(partition: number): void {
    const [chunk, ...rest] = this.of(partition);
    if (chunk) {
      const { entries } = chunk;
      const middle = Math.ceil(entries.length / 2);
      const halves = [entries.slice(0, middle), entries.slice(middle)];
      this.replace(partition, [
        ...halves.map((half) => ({ entries: half, sequence: undefined })),
        ...rest,
      ]);
    }
  }

  forgetSequences(): void {
    for (const chunk of [...this.chunks.values()].flat()) {
      chunk.sequence = undefined;
    }
  }

  private of(partition: number): readonly Chunk[] {
    return this.chunks.get(partition) ?? [];
  }

  private replace(partition: number, chunks: Chunk[]): void {
    if (chunks.length > 0) {
      this.chunks.set(partition, chunks);
    } else {
      this.chunks.delete(partition);
    }
  }
}
