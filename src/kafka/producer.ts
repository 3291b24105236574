import {
  type ConnectionOptions,
  initProducerIdV2,
  type MessageRecord,
  murmur2,
  NumericMap,
  produceV8,
} from '@platformatic/kafka';
import type { StoredEvent } from '../event/stored-event.js';
import { readHead } from '../sinks/support/event-head.js';
import { RetryableSinkError } from '../sinks/sink.js';
import { answerIn, Cluster, type Leaders, REQUEST_TIMEOUT_MS } from './cluster.js';
import { asSinkError, CODES, codeError, CONTENT_CODES, PRODUCER_CODES } from './kafka-error.js';
import { ACKS, type KafkaOptions } from '../sinks/kafka/kafka.options.js';

/** Of one request for one partition. Brokers take 1 MiB unless they are told otherwise (`message.max.bytes`). */
const CHUNK_BYTES = 1_000_000;
/** What a record takes beside key and value, about: lengths, times, headers. */
const RECORD_OVERHEAD_BYTES = 64;
/** Sequences are 31 bits wide, and begin anew. */
const SEQUENCE_MASK = 0x7f_ff_ff_ff;

const EVENT_TYPE = Buffer.from('event_type');
const SCHEMA = Buffer.from('schema');
const V1 = Buffer.from('v1');

interface Entry {
  /** In the batch. */
  readonly index: number;
  readonly record: MessageRecord;
}

/** Records that go to a partition in one request. Sent again, they are sent as they were. */
interface Chunk {
  readonly entries: readonly Entry[];
  /** Of its first record; undefined until it is sent. */
  sequence: number | undefined;
}

/** A batch on its way: what is left of it when a write fails stays for the next one. */
interface Delivery {
  readonly batch: readonly StoredEvent[];
  /** For each partition, in order. */
  readonly chunks: Map<number, Chunk[]>;
  /** Index in the batch → why the brokers do not take it. */
  readonly refused: Map<number, string>;
}

interface ProducerId {
  readonly id: bigint;
  readonly epoch: number;
}

/** True when nobody answers (`KAFKA_ACKS=0`). */
type ProduceAnswer = ReturnType<typeof produceV8.parseResponse> | boolean;

interface PartitionAnswer {
  readonly index: number;
  readonly errorCode: number;
  readonly errorMessage?: string | null | undefined;
  readonly recordErrors: readonly { readonly batchIndexErrorMessage?: string | null | undefined }[];
}

/**
 * An idempotent producer for one topic ("Idempotent Producer" in KIP-98): each partition's records are numbered, and a
 * request whose outcome is unknown is sent again with the same numbers, so that the broker knows what it has. The
 * client's own producer numbers a batch anew once it has given it up.
 */
export class Producer {
  private readonly cluster: Cluster;
  private readonly isIdempotent: boolean;
  private producerId: ProducerId | undefined;
  /** Number of the next record of each partition. */
  private readonly sequences = new Map<number, number>();
  private topic: Leaders | undefined;
  private delivery: Delivery | undefined;
  private chunkBytes = CHUNK_BYTES;

  constructor(
    private readonly options: KafkaOptions,
    connectionOptions: () => Promise<ConnectionOptions>,
  ) {
    this.cluster = new Cluster(options, connectionOptions);
    this.isIdempotent = ACKS[options.acks] === ACKS.all;
  }

  /** @throws RetryableSinkError the topic cannot be used */
  async open(): Promise<void> {
    this.topic = await this.cluster.leaders(true);
    await this.identify();
  }

  /**
   * After a failure it wants the same batch again.
   * @returns index → reason, of what the brokers refuse for good; everything else is written
   * @throws RetryableSinkError
   */
  async write(batch: readonly StoredEvent[]): Promise<ReadonlyMap<number, string>> {
    if (this.delivery && this.delivery.batch !== batch) {
      this.forgetProducer();
      this.delivery = undefined;
    }
    const topic = (this.topic ??= await this.cluster.leaders(true));
    await this.identify();
    this.delivery ??= this.plan(batch, topic.length);
    const { chunks, refused } = this.delivery;
    while (chunks.size > 0) {
      await this.sendRound(chunks, refused);
    }
    this.delivery = undefined;
    return refused;
  }

  close(): void {
    this.cluster.close();
  }

  private async identify(): Promise<void> {
    if (!this.isIdempotent || this.producerId) {
      return;
    }
    const { producerId, producerEpoch } = await this.cluster.onSome((connection) =>
      initProducerIdV2.api.async(connection, null, 0),
    );
    this.producerId = { id: producerId, epoch: producerEpoch };
  }

  private plan(batch: readonly StoredEvent[], partitions: number): Delivery {
    const timestamp = BigInt(Date.now());
    const chunks = new Map<number, Chunk[]>();
    const open = new Map<number, { entries: Entry[]; bytes: number }>();
    for (const [index, { json }] of batch.entries()) {
      const { eventId, type } = readHead(json);
      const key = eventId === undefined ? undefined : Buffer.from(eventId);
      // As Java's producer does it, so that consumers find a key where they always found it.
      const partition = (murmur2(key ?? json) & SEQUENCE_MASK) % partitions;
      const headers = new Map([[SCHEMA, V1]]);
      if (type !== undefined) {
        headers.set(EVENT_TYPE, Buffer.from(type));
      }
      const bytes = json.length + (key?.length ?? 0) + RECORD_OVERHEAD_BYTES;
      let chunk = open.get(partition);
      if (!chunk || chunk.bytes + bytes > this.chunkBytes) {
        chunk = { entries: [], bytes: 0 };
        open.set(partition, chunk);
        chunks.set(partition, [
          ...(chunks.get(partition) ?? []),
          { entries: chunk.entries, sequence: undefined },
        ]);
      }
      chunk.bytes += bytes;
      const record = { topic: this.options.topic, partition, timestamp, value: json, headers };
      chunk.entries.push({ index, record: key ? { ...record, key } : record });
    }
    return { batch, chunks, refused: new Map() };
  }

  /** The next chunk of each partition; partitions of different leaders at the same time. */
  private async sendRound(
    chunks: Map<number, Chunk[]>,
    refused: Map<number, string>,
  ): Promise<void> {
    const topic = (this.topic ??= await this.cluster.leaders(true));
    const partitions = [...chunks.keys()];
    if (partitions.some((partition) => partition >= topic.length)) {
      // It was deleted, and created with fewer partitions.
      this.delivery = undefined;
      throw codeError(CODES.unknownTopicOrPartition);
    }
    const byLeader = Map.groupBy(partitions, (partition) => topic[partition]);
    const failures: RetryableSinkError[] = [];
    await Promise.all(
      Array.from(byLeader, async ([leader, led]) => {
        try {
          if (leader === undefined) {
            throw codeError(CODES.leaderNotAvailable);
          }
          const answers = await this.send(leader, led, chunks);
          failures.push(...answers.flatMap((answer) => this.take(answer, chunks, refused) ?? []));
        } catch (error) {
          failures.push(asSinkError(error));
        }
      }),
    );
    const [failure] = failures;
    if (failure) {
      this.topic = undefined;
      throw failure;
    }
  }

  private async send(
    leader: number,
    partitions: readonly number[],
    chunks: ReadonlyMap<number, readonly Chunk[]>,
  ): Promise<readonly PartitionAnswer[]> {
    const sequences = new NumericMap();
    const records: MessageRecord[] = [];
    for (const partition of partitions) {
      const chunk = chunks.get(partition)?.[0];
      if (chunk) {
        chunk.sequence ??= this.sequences.get(partition) ?? 0;
        sequences.set(`${this.options.topic}:${partition}`, chunk.sequence);
        records.push(...chunk.entries.map(({ record }) => record));
      }
    }
    const options = {
      compression: this.options.compression,
      ...(this.producerId && {
        producerId: this.producerId.id,
        producerEpoch: this.producerId.epoch,
        sequences,
      }),
    };
    const acks = ACKS[this.options.acks];
    const answer = await this.cluster.onBroker(leader, (connection) =>
      produceV8.api
        .async(connection, acks, REQUEST_TIMEOUT_MS, records, options)
        .catch((error: unknown) => answerIn(error) as ProduceAnswer),
    );
    return typeof answer === 'boolean'
      ? partitions.map((index) => ({ index, errorCode: CODES.none, recordErrors: [] }))
      : answer.responses.flatMap(({ partitionResponses }) => partitionResponses);
  }

  /** @returns what the broker says, when that is no outcome yet */
  private take(
    { index: partition, errorCode, errorMessage, recordErrors }: PartitionAnswer,
    chunks: Map<number, Chunk[]>,
    refused: Map<number, string>,
  ): RetryableSinkError | undefined {
    const [chunk, ...rest] = chunks.get(partition) ?? [];
    if (!chunk) {
      return undefined;
    }
    const becomes = (left: Chunk[]): void => {
      if (left.length > 0) {
        chunks.set(partition, left);
      } else {
        chunks.delete(partition);
      }
    };
    if (errorCode === CODES.none || errorCode === CODES.duplicateSequenceNumber) {
      const next = (chunk.sequence ?? 0) + chunk.entries.length;
      this.sequences.set(partition, next & SEQUENCE_MASK);
      becomes(rest);
      return undefined;
    }
    if (CONTENT_CODES.has(errorCode)) {
      // Its numbers are free again.
      chunk.sequence = undefined;
      const [entry] = chunk.entries;
      if (entry && chunk.entries.length === 1) {
        const detail = errorMessage ?? recordErrors[0]?.batchIndexErrorMessage;
        refused.set(entry.index, refusal(errorCode, entry.record.value.length, detail));
        becomes(rest);
      } else {
        this.chunkBytes = Math.max(CHUNK_BYTES / 64, this.chunkBytes / 2);
        becomes([...halves(chunk), ...rest]);
      }
      return undefined;
    }
    if (PRODUCER_CODES.has(errorCode)) {
      this.forgetProducer();
    }
    return codeError(errorCode, errorMessage);
  }

  /** What was sent and not confirmed may be there already, and comes again under new numbers. */
  private forgetProducer(): void {
    this.producerId = undefined;
    this.sequences.clear();
    for (const chunk of [...(this.delivery?.chunks.values() ?? [])].flat()) {
      chunk.sequence = undefined;
    }
  }
}

function halves({ entries }: Chunk): Chunk[] {
  const middle = Math.ceil(entries.length / 2);
  return [entries.slice(0, middle), entries.slice(middle)].map((half) => ({
    entries: half,
    sequence: undefined,
  }));
}

function refusal(code: number, bytes: number, detail: string | null | undefined): string {
  const words =
    code === CODES.invalidRecord
      ? 'the topic does not take such a record'
      : `an event of ${bytes} bytes is more than the topic takes (max.message.bytes)`;
  return `Kafka says: ${words} (error code ${code})${detail ? `: ${detail}` : ''}`;
}
