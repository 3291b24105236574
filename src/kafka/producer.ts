import {
  type CompressionAlgorithmValue,
  initProducerIdV2,
  NumericMap,
  produceV8,
} from '@platformatic/kafka';
import { answerIn, type Cluster, type Partition, REQUEST_TIMEOUT_MS } from './cluster.js';
import { asKafkaError, codeError, type KafkaError, wordsOf } from './kafka-error.js';
import { CODES, CONTENT_CODES, PRODUCER_CODES } from './protocol-codes.js';
import { type KafkaRecord, UnconfirmedBatch } from './unconfirmed-batch.js';

/** Brokers take a request of 1 MiB for one partition unless configured otherwise (`message.max.bytes`). */
const CHUNK_BYTES = 1_000_000;
/** Partitions that are added to the topic are used after this time. */
const METADATA_MAX_AGE_MS = 30_000;
/** Sequences are 31 bits wide, and begin again at 0. */
const SEQUENCE_MASK = 0x7f_ff_ff_ff;

export interface ProducerOptions {
  readonly topic: string;
  /** Which replicas confirm a record: -1 all that are in sync, 1 the leader, 0 none. */
  readonly acks: -1 | 0 | 1;
  readonly compression: CompressionAlgorithmValue;
}

interface ProducerId {
  readonly id: bigint;
  readonly epoch: number;
}

/** True when nobody answers (acks 0). */
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
 * client's own producer gives a batch new numbers once it has given it up. One caller, one `write` at a time.
 */
export class Producer<Item> {
  private readonly isIdempotent: boolean;
  private producerId: ProducerId | undefined;
  /** Number of the next record of each partition. */
  private readonly sequences = new Map<number, number>();
  private partitions: readonly Partition[] | undefined;
  private partitionsReadAt = 0;
  private underWay:
    { readonly batch: readonly Item[]; readonly rest: UnconfirmedBatch } | undefined;
  private chunkBytes = CHUNK_BYTES;

  constructor(
    /** The producer's own; it closes it. */
    private readonly cluster: Cluster,
    private readonly options: ProducerOptions,
    private readonly toRecord: (item: Item) => KafkaRecord,
  ) {
    this.isIdempotent = options.acks === -1;
  }

  /** @throws KafkaError the topic cannot be used */
  async open(): Promise<void> {
    await this.knownPartitions();
    await this.identify();
  }

  /**
   * After a failure it wants the same batch again: the same object.
   * @returns index → reason, of what the brokers refuse for good; everything else is written
   * @throws KafkaError
   */
  async write(batch: readonly Item[]): Promise<ReadonlyMap<number, string>> {
    if (this.underWay && this.underWay.batch !== batch) {
      this.forgetProducer();
      this.underWay = undefined;
    }
    if (!this.underWay && performance.now() - this.partitionsReadAt >= METADATA_MAX_AGE_MS) {
      this.partitions = undefined;
    }
    const partitions = await this.knownPartitions();
    await this.identify();
    this.underWay ??= { batch, rest: this.plan(batch, partitions.length) };
    const { rest } = this.underWay;
    while (rest.partitions.length > 0) {
      await this.sendRound(rest);
    }
    this.underWay = undefined;
    return rest.refused;
  }

  close(): void {
    this.cluster.close();
  }

  private async knownPartitions(): Promise<readonly Partition[]> {
    if (!this.partitions) {
      this.partitions = await this.cluster.partitions(this.options.topic, true);
      this.partitionsReadAt = performance.now();
    }
    return this.partitions;
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

  private plan(batch: readonly Item[], partitions: number): UnconfirmedBatch {
    const { topic } = this.options;
    const { chunkBytes } = this;
    return new UnconfirmedBatch(batch.map(this.toRecord), { topic, partitions, chunkBytes });
  }

  /** Sends the next chunk of each partition; to different leaders at the same time. */
  private async sendRound(rest: UnconfirmedBatch): Promise<void> {
    const known = await this.knownPartitions();
    const { partitions } = rest;
    if (partitions.some((partition) => partition >= known.length)) {
      // The topic was deleted, and created with fewer partitions.
      this.underWay = undefined;
      throw codeError(CODES.unknownTopicOrPartition);
    }
    const byLeader = Map.groupBy(partitions, (partition) => known[partition]?.leader);
    const failures: KafkaError[] = [];
    await Promise.all(
      Array.from(byLeader, async ([leader, led]) => {
        try {
          if (leader === undefined) {
            throw codeError(CODES.leaderNotAvailable);
          }
          const answers = await this.send(leader, led, rest);
          failures.push(...answers.flatMap((answer) => this.take(answer, rest) ?? []));
        } catch (error) {
          failures.push(asKafkaError(error));
        }
      }),
    );
    const [failure] = failures;
    if (failure) {
      this.partitions = undefined;
      throw failure;
    }
  }

  private async send(
    leader: number,
    partitions: readonly number[],
    rest: UnconfirmedBatch,
  ): Promise<readonly PartitionAnswer[]> {
    const { topic, acks, compression } = this.options;
    const sequences = new NumericMap();
    // A topic may bound how old a record is: what was not stored during an outage is sent with a new time.
    const timestamp = BigInt(Date.now());
    const records = partitions.flatMap((partition) => {
      const chunk = rest.next(partition);
      if (!chunk) {
        return [];
      }
      chunk.sequence ??= this.sequences.get(partition) ?? 0;
      sequences.set(`${topic}:${partition}`, chunk.sequence);
      return chunk.entries.map(({ record }) => Object.assign(record, { timestamp }));
    });
    const identity = this.producerId && {
      producerId: this.producerId.id,
      producerEpoch: this.producerId.epoch,
      sequences,
    };
    const answer = await this.cluster.onBroker(leader, (connection) =>
      produceV8.api
        .async(connection, acks, REQUEST_TIMEOUT_MS, records, { compression, ...identity })
        .catch((error: unknown) => answerIn(error) as ProduceAnswer),
    );
    return typeof answer === 'boolean'
      ? partitions.map((index) => ({ index, errorCode: CODES.none, recordErrors: [] }))
      : answer.responses.flatMap(({ partitionResponses }) => partitionResponses);
  }

  /** @returns what the broker says, when that is no outcome yet */
  private take(answer: PartitionAnswer, rest: UnconfirmedBatch): KafkaError | undefined {
    const { index: partition, errorCode, errorMessage } = answer;
    const chunk = rest.next(partition);
    if (!chunk) {
      return undefined;
    }
    if (errorCode === CODES.none || errorCode === CODES.duplicateSequenceNumber) {
      const next = (chunk.sequence ?? 0) + chunk.entries.length;
      this.sequences.set(partition, next & SEQUENCE_MASK);
      rest.shift(partition);
      return undefined;
    }
    if (CONTENT_CODES.has(errorCode)) {
      // Its numbers are free again.
      chunk.sequence = undefined;
      const [entry] = chunk.entries;
      if (entry && chunk.entries.length === 1) {
        rest.refused.set(entry.index, refusal(answer, entry.record.value.length));
        rest.shift(partition);
      } else {
        this.chunkBytes = Math.max(CHUNK_BYTES / 64, this.chunkBytes / 2);
        rest.split(partition);
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
    this.underWay?.rest.forgetSequences();
  }
}

function refusal(
  { errorCode, errorMessage, recordErrors }: PartitionAnswer,
  bytes: number,
): string {
  const words =
    errorCode === CODES.messageTooLarge
      ? `an event of ${bytes} bytes is larger than the topic's max.message.bytes`
      : undefined;
  return wordsOf(errorCode, errorMessage ?? recordErrors[0]?.batchIndexErrorMessage, words);
}
