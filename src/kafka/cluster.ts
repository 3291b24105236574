import {
  Connection,
  ConfigResourceTypes,
  describeConfigsV2,
  metadataV9,
} from '@platformatic/kafka';
import { type Broker, formatBroker, parseBroker } from './brokers.js';
import type { KafkaConnectionOptions } from './kafka-connection.options.js';
import { asKafkaError, codeError, KafkaError } from './kafka-error.js';
import { CODES } from './protocol-codes.js';
import { securityOptions } from './security-options.js';
import { LookUps } from '../threads/look-ups.js';

/** With the longest backoff of a lane, a dead broker fails often enough for alerts on the rate of errors. */
const CONNECT_TIMEOUT_MS = 3000;
export const REQUEST_TIMEOUT_MS = 5000;

export interface Partition {
  /** Id of a broker; undefined while it has none. */
  readonly leader: number | undefined;
  /** How many brokers are to keep a copy. */
  readonly replicas: number;
  /** How many of them have all that was confirmed. */
  readonly inSync: number;
}

const MIN_IN_SYNC = 'min.insync.replicas';

/** Connections to brokers, made when they are first needed, and what the brokers say about topics. */
export class Cluster {
  private readonly connections = new Map<string, Connection>();
  private readonly bootstrap: readonly Broker[];
  private readonly lookUps = new LookUps();
  private known = new Map<number, Broker>();
  private closed = false;

  constructor(private readonly options: KafkaConnectionOptions) {
    this.bootstrap = options.brokers.map(parseBroker);
  }

  /**
   * Asks one broker after the other, until one answers.
   * @returns by index
   * @param creates whether a missing topic is to be created, if the brokers do that
   * @throws KafkaError no broker answers, or the topic cannot be used
   */
  async partitions(topicName: string, creates: boolean): Promise<readonly Partition[]> {
    return this.onSome(async (connection) => {
      const { brokers, topics } = await metadata(connection, topicName, creates);
      this.known = new Map(brokers.map(({ nodeId, host, port }) => [nodeId, { host, port }]));
      const topic = topics[0];
      if (!topic || topic.errorCode !== CODES.none) {
        throw codeError(topic?.errorCode ?? CODES.unknownTopicOrPartition);
      }
      return topic.partitions
        .toSorted((a, b) => a.partitionIndex - b.partitionIndex)
        .map(({ leaderId, replicaNodes, isrNodes }) => ({
          leader: leaderId < 0 ? undefined : leaderId,
          replicas: replicaNodes.length,
          inSync: isrNodes.length,
        }));
    });
  }

  /** @returns how many replicas of the topic have to be in sync for acks `all`; undefined when the brokers do not tell */
  async minInSync(topic: string): Promise<number | undefined> {
    const resource = {
      resourceType: ConfigResourceTypes.TOPIC,
      resourceName: topic,
      configurationKeys: [MIN_IN_SYNC],
    };
    try {
      const { results } = await this.onSome((connection) =>
        describeConfigsV2.api.async(connection, [resource], false, false),
      );
      const value = results[0]?.configs.find(({ name }) => name === MIN_IN_SYNC)?.value;
      return value ? Number(value) : undefined;
    } catch {
      // It takes the right DESCRIBE_CONFIGS, which nobody needs for writing.
      return undefined;
    }
  }

  /**
   * Does the work with a connection to any broker.
   * @throws KafkaError
   */
  async onSome<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    let failure = new KafkaError('connection', 'Kafka cannot be used: no broker is known');
    const brokers = [...this.known.values(), ...this.bootstrap];
    // One that does not answer would cost seconds each time.
    for (const broker of brokers.toSorted((a, b) => this.isConnected(b) - this.isConnected(a))) {
      try {
        return await this.on(broker, work);
      } catch (error) {
        failure = asKafkaError(error);
        // The others would say the same.
        if (failure.kind === 'auth' || failure.code !== undefined) {
          throw failure;
        }
      }
    }
    // Addresses may have changed: begin at the bootstrap brokers the next time.
    this.known.clear();
    throw failure;
  }

  /** @throws what `work` throws, or why the broker cannot be reached; `asKafkaError` says what it means */
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

  private isConnected(broker: Broker): number {
    return Number(this.connections.get(formatBroker(broker))?.isConnected() ?? false);
  }

  private async connect({ host, port }: Broker, address: string): Promise<Connection> {
    const existing = this.connections.get(address);
    if (existing?.isConnected()) {
      return existing;
    }
    this.drop(address);
    await this.lookUps.assertAnswered(host);
    const connection = new Connection('gotrack', {
      connectTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      ...(await securityOptions(this.options)),
    });
    // Its user gets the error as well.
    connection.on('error', () => {});
    if (this.closed) {
      throw new KafkaError('connection', 'Kafka cannot be used: its connections are closed');
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
    error instanceof KafkaError ||
    (error instanceof Error && Reflect.get(error, 'code') === 'PLT_KFK_RESPONSE')
  );
}

type Metadata = ReturnType<typeof metadataV9.parseResponse>;

/** The answer may hold errors of single topics: the client throws them, and its errors carry the answer. */
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
