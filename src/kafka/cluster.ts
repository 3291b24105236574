import { Connection, type ConnectionOptions, metadataV9 } from '@platformatic/kafka';
import { RetryableSinkError } from '../sinks/sink.js';
import { type Broker, formatBroker, parseBroker } from './brokers.js';
import { asSinkError, CODES, codeError } from './kafka-error.js';
import type { KafkaOptions } from '../sinks/kafka/kafka.options.js';

/** With the longest backoff of the lane, a dead broker fails often enough for alerts on the rate of errors. */
const CONNECT_TIMEOUT_MS = 3000;
export const REQUEST_TIMEOUT_MS = 5000;

/** Index → id of the leader; undefined while the partition has none. */
export type Leaders = readonly (number | undefined)[];

/** Connections to brokers, made when they are first needed, and what the brokers tell of the topic. */
export class Cluster {
  private readonly connections = new Map<string, Connection>();
  private readonly bootstrap: readonly Broker[];
  private known = new Map<number, Broker>();
  private closed = false;

  constructor(
    private readonly options: KafkaOptions,
    private readonly connectionOptions: () => Promise<ConnectionOptions>,
  ) {
    this.bootstrap = options.brokers.map(parseBroker);
  }

  /**
   * Asks one broker after the other, until one answers.
   * @param creates whether a missing topic is to be created, if the brokers do that
   * @throws RetryableSinkError no broker answers, or the topic cannot be used
   */
  async leaders(creates: boolean): Promise<Leaders> {
    return this.onSome(async (connection) => {
      const { brokers, topics } = await metadata(connection, this.options.topic, creates);
      this.known = new Map(brokers.map(({ nodeId, host, port }) => [nodeId, { host, port }]));
      const topic = topics[0];
      if (!topic || topic.errorCode !== CODES.none) {
        throw codeError(topic?.errorCode ?? CODES.unknownTopicOrPartition);
      }
      return topic.partitions
        .toSorted((a, b) => a.partitionIndex - b.partitionIndex)
        .map(({ leaderId }) => (leaderId < 0 ? undefined : leaderId));
    });
  }

  /** Whatever `work` does with a connection to any broker. */
  async onSome<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    let failure = new RetryableSinkError('connection', 'Kafka cannot be used: no broker is known');
    for (const broker of [...this.known.values(), ...this.bootstrap]) {
      try {
        return await this.on(broker, work);
      } catch (error) {
        failure = asSinkError(error);
        // The others would say the same.
        if (failure.errorType === 'auth' || failure.message.startsWith('Kafka says')) {
          throw failure;
        }
      }
    }
    // Addresses may have changed: begin at the bootstrap brokers the next time.
    this.known.clear();
    throw failure;
  }

  /** @throws RetryableSinkError the broker cannot be reached, or the request failed */
  async onBroker<T>(id: number, work: (connection: Connection) => Promise<T>): Promise<T> {
    const broker = this.known.get(id);
    if (!broker) {
      throw codeError(CODES.leaderNotAvailable);
    }
    return this.on(broker, work);
  }

  close(): void {
    this.closed = true;
    for (const address of this.connections.keys()) {
      this.drop(address);
    }
  }

  private async on<T>(broker: Broker, work: (connection: Connection) => Promise<T>): Promise<T> {
    const address = formatBroker(broker);
    try {
      return await work(await this.connect(broker, address));
    } catch (error) {
      if (!isAnswer(error)) {
        this.drop(address);
      }
      throw error;
    }
  }

  private async connect({ host, port }: Broker, address: string): Promise<Connection> {
    const existing = this.connections.get(address);
    if (existing?.isConnected()) {
      return existing;
    }
    this.drop(address);
    const connection = new Connection('gotrack', {
      connectTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      ...(await this.connectionOptions()),
    });
    // Whoever uses it is told as well.
    connection.on('error', () => {});
    if (this.closed) {
      throw new RetryableSinkError('connection', 'Kafka cannot be used: the sink is closed');
    }
    this.connections.set(address, connection);
    await connection.connect(host, port);
    return connection;
  }

  private drop(address: string): void {
    const connection = this.connections.get(address);
    this.connections.delete(address);
    if (connection) {
      connection.close(() => {});
      // A peer that does not answer would keep it open.
      connection.socket?.destroy();
    }
  }
}

/** The broker has answered, so the connection is good. */
function isAnswer(error: unknown): boolean {
  return (
    error instanceof RetryableSinkError ||
    (error instanceof Error && Reflect.get(error, 'code') === 'PLT_KFK_RESPONSE')
  );
}

type Metadata = ReturnType<typeof metadataV9.parseResponse>;

/** With errors of single topics in it: the client throws them, and its errors carry the answer. */
async function metadata(
  connection: Connection,
  topic: string,
  creates: boolean,
): Promise<Metadata> {
  try {
    return await metadataV9.api.async(connection, [topic], creates);
  } catch (error) {
    return answerIn(error) as Metadata;
  }
}

/** @throws the error itself when it carries no answer */
export function answerIn(error: unknown): unknown {
  const answer: unknown = error instanceof Error ? Reflect.get(error, 'response') : undefined;
  if (answer === undefined) {
    throw error;
  }
  return answer;
}
