import { Logger } from '@nestjs/common';
import { Cluster, type Topic } from '../../kafka/cluster.js';
import type { KafkaConnectionOptions } from '../../kafka/kafka-connection.options.js';
import { codeError } from '../../kafka/kafka-error.js';
import { CODES } from '../../kafka/protocol-codes.js';
import { type Beginning, readBeginnings, writeBeginnings } from './beginnings.js';
import { SINKS_TOPIC } from './kafka-queue.options.js';
import { queueTopic, sinksTopic, warnOfFaults } from './queue-topic.js';
import { offsetsAt } from './topic-calls.js';

export interface QueueTopicOptions {
  readonly connection: KafkaConnectionOptions;
  readonly topic: string;
  /** The names of those that read it. */
  readonly sinks: readonly string[];
}

export interface PreparedQueue {
  readonly topicId: string;
  /** By sink. */
  readonly beginnings: ReadonlyMap<string, Beginning>;
}

const logger = new Logger('Queue');

/**
 * Makes the topics that are missing, and records where each sink begins: it has to be done before the first event is
 * sent to the topic, or a sink could miss it. Sinks of a new fleet begin at the first record, a sink that comes later at
 * the end. Repeating it changes nothing.
 * @throws KafkaError
 */
export async function prepareQueue(options: QueueTopicOptions): Promise<PreparedQueue> {
  const cluster = new Cluster(options.connection);
  try {
    const topic = await queueTopic(cluster, options.topic);
    await warnOfFaults(cluster, options.topic, topic, 'delete');
    await warnOfFaults(cluster, SINKS_TOPIC, await sinksTopic(cluster), 'compact');
    const before = await readBeginnings(cluster, options.topic);
    const missing = options.sinks.filter((sink) => before.get(sink)?.topicId !== topic.id);
    if (missing.length === 0) {
      return { topicId: topic.id, beginnings: before };
    }
    const offsets = await offsetsOfNew(cluster, options.topic, topic, [...before.values()]);
    const added = missing.map((sink) => ({
      sink,
      topic: options.topic,
      topicId: topic.id,
      offsets,
      hasBegun: false,
    }));
    await writeBeginnings(options.connection, added);
    const after = await readBeginnings(cluster, options.topic);
    await settleRace(options.connection, added, after);
    return { topicId: topic.id, beginnings: after };
  } finally {
    cluster.close();
  }
}

/** Compaction keeps what was written last: that has to be what counts. */
async function settleRace(
  connection: KafkaConnectionOptions,
  added: readonly Beginning[],
  after: ReadonlyMap<string, Beginning>,
): Promise<void> {
  const outvoted = added.flatMap((own) => {
    const counts = after.get(own.sink);
    const differs = [...own.offsets].some(
      ([partition, offset]) => counts?.offsets.get(partition) !== offset,
    );
    return counts && differs ? [counts] : [];
  });
  if (outvoted.length > 0) {
    await writeBeginnings(connection, outvoted);
  }
}

async function offsetsOfNew(
  cluster: Cluster,
  name: string,
  topic: Topic,
  recorded: readonly Beginning[],
): Promise<ReadonlyMap<number, number>> {
  const isReplaced = recorded.some(({ topicId }) => topicId !== topic.id);
  const isFirst = !recorded.some(({ topicId }) => topicId === topic.id);
  if (isReplaced && isFirst) {
    logger.warn(
      `the topic ${name} was deleted and made again; what was in the old one is gone. The new one is read from its beginning`,
    );
  }
  const all = topic.partitions.map((_, partition) => partition);
  const offsets = await offsetsAt(cluster, name, topic, all, isFirst ? 'earliest' : 'latest');
  if (offsets.size < all.length) {
    throw codeError(CODES.leaderNotAvailable);
  }
  return offsets;
}
