import {
  Connection,
  ConfigResourceTypes,
  describeConfigsV2,
  findCoordinatorV4,
  metadataV12,
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

export interface Topic {
  /** Another one when the topic is deleted and made again. */
  readonly id: string;
  /** By index. */
  readonly partitions: readonly Partition[];
}

const MIN_IN_SYNC = 'min.insync.replicas';
const GROUP_KEY = 0;

/** Connections to brokers, made when they are first needed, and what the brokers say about topics. */
export class Cluster {
  private readonly connections = new Map<string, Connection>();
  private readonly bootstrap: readonly Broker[];
  private readonly lookUps = new LookUps();
  private known = new Map<number, Broker>();
  private closed = false;

  /** @param requestTimeoutMs what a broker may take to answer */
  constructor(
    private readonly options: KafkaConnectionOptions,
    private readonly requestTimeoutMs = REQUEST_TIMEOUT_MS,
  ) {
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
      const answer = await orAnswer(metadataV9.api.async(connection, [topicName], creates));
      return this.take(answer).partitions;
    });
  }

  /**
   * As `partitions`, with what tells topics of the same name apart; takes Kafka 2.8. Creates nothing.
   * @throws KafkaError
   */
  async topic(name: string): Promise<Topic> {
    return this.onSome(async (connection) => {
      const answer = await orAnswer(metadataV12.api.async(connection, [name], false, false));
      const { topic, partitions } = this.take(answer);
      return { id: topic.topicId, partitions };
    });
  }

  /** How many brokers answer requests, as far as this is known: nothing is asked. */
  get brokers(): number {
    return this.known.size;
  }

  /**
   * @returns id of the broker that keeps the consumer group
   * @throws KafkaError
   */
  async coordinator(group: string): Promise<number> {
    const { coordinators } = await this.onSome((connection) =>
      findCoordinatorV4.api.async(connection, GROUP_KEY, [group]),
    );
    const [found] = coordinators;
    if (!found) {
      throw codeError(CODES.coordinatorNotAvailable);
    }
    const { nodeId, host, port } = found;
    this.known.set(nodeId, { host, port });
    return nodeId;
  }

  /** @returns how many replicas of the topic have to be in sync for acks `all`; undefined when the brokers do not tell */
  async minInSync(topic: string): Promise<number | undefined> {
    const value = (await this.topicConfigs(topic, [MIN_IN_SYNC])).get(MIN_IN_SYNC);
    return value ? Number(value) : undefined;
  }

  /** @returns the values of these settings of the topic; none when the brokers do not tell */
  async topicConfigs(
    topic: string,
    names: readonly string[],
  ): Promise<ReadonlyMap<string, string>> {
    const resource = {
      resourceType: ConfigResourceTypes.TOPIC,
      resourceName: topic,
      configurationKeys: [...names],
    };
    try {
      const { results } = await this.onSome((connection) =>
        describeConfigsV2.api.async(connection, [resource], false, false),
      );
      const configs = results[0]?.configs ?? [];
      return new Map(configs.map(({ name, value }) => [name, value ?? '']));
    } catch {
      // It takes the right DESCRIBE_CONFIGS, which nobody needs for writing.
      return new Map();
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

  /** @throws KafkaError the topic cannot be used */
  private take<Answer extends Metadata>(
    answer: Answer,
  ): { readonly topic: Answer['topics'][number]; readonly partitions: readonly Partition[] } {
    const { brokers, topics } = answer;
    this.known = new Map(brokers.map(({ nodeId, host, port }) => [nodeId, { host, port }]));
    const topic: Answer['topics'][number] | undefined = topics[0];
    if (!topic || topic.errorCode !== CODES.none) {
      throw codeError(topic?.errorCode ?? CODES.unknownTopicOrPartition);
    }
    const partitions = topic.partitions
      .toSorted((a, b) => a.partitionIndex - b.partitionIndex)
      .map(({ leaderId, replicaNodes, isrNodes }) => ({
        leader: leaderId < 0 ? undefined : leaderId,
        replicas: replicaNodes.length,
        inSync: isrNodes.length,
      }));
    return { topic, partitions };
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
      requestTimeout: this.requestTimeoutMs,
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

/** What its versions have in common. */
interface Metadata {
  readonly brokers: readonly (Broker & { readonly nodeId: number })[];
  readonly topics: readonly {
    readonly errorCode: number;
    readonly partitions: readonly {
      readonly partitionIndex: number;
      readonly leaderId: number;
      readonly replicaNodes: readonly number[];
      readonly isrNodes: readonly number[];
    }[];
  }[];
}

/** An answer may hold errors of single parts: the client throws them, and its errors carry the answer. */
export function orAnswer<Answer>(asking: Promise<Answer>): Promise<Answer> {
  return asking.catch((error: unknown) => answerIn(error) as Answer);
}

/** @throws the error itself when it carries no answer */
export function answerIn(error: unknown): unknown {
  const answer: unknown = error instanceof Error ? Reflect.get(error, 'response') : undefined;
  if (answer === undefined) {
    throw error;
  }
  return answer;
}
