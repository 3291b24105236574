import { createTopicsV5 } from '@platformatic/kafka';
import { Logger } from '@nestjs/common';
import type { Cluster, Topic } from '../../kafka/cluster.js';
import { asKafkaError } from '../../kafka/kafka-error.js';
import { CODES } from '../../kafka/protocol-codes.js';
import { SINKS_TOPIC } from './kafka-queue.options.js';

/** For a topic that is missing: so many members can share the work of a sink. */
const PARTITIONS = 6;
/** So many brokers may be lost, but for one, without a loss of events. */
const REPLICAS = 3;
const MIN_IN_SYNC = 2;
const CREATE_TIMEOUT_MS = 4000;

const SETTINGS = {
  cleanup: 'cleanup.policy',
  minInSync: 'min.insync.replicas',
  unclean: 'unclean.leader.election.enable',
} as const;

const logger = new Logger('Queue');
/** Several parts of the process look at the topic, and each looks again after a failure. */
const said = new Set<string>();

/** The topic of the queue, which is made when it is missing. @throws KafkaError */
export function queueTopic(cluster: Cluster, name: string): Promise<Topic> {
  return existingOrMade(cluster, name, PARTITIONS, { [SETTINGS.cleanup]: 'delete' });
}

/** The topic that holds where each sink begins, which is made when it is missing. @throws KafkaError */
export function sinksTopic(cluster: Cluster): Promise<Topic> {
  return existingOrMade(cluster, SINKS_TOPIC, 1, { [SETTINGS.cleanup]: 'compact' });
}

/** What about the topic of the queue may lose events. @returns a sentence for each fault, for an operator */
export async function topicFaults(
  cluster: Cluster,
  name: string,
  { partitions }: Topic,
): Promise<readonly string[]> {
  const settings = await cluster.topicConfigs(name, Object.values(SETTINGS));
  const replicas = Math.min(...partitions.map((partition) => partition.replicas));
  const minInSync = Number(settings.get(SETTINGS.minInSync) ?? MIN_IN_SYNC);
  const cleanup = settings.get(SETTINGS.cleanup) ?? 'delete';
  return [
    ...(replicas < REPLICAS
      ? [
          `it keeps ${replicas} replica(s): what is answered may be lost with a disk; give it ${REPLICAS}`,
        ]
      : []),
    ...(minInSync < MIN_IN_SYNC
      ? [
          `${SETTINGS.minInSync} is ${minInSync}: one broker alone confirms events; set it to ${MIN_IN_SYNC}`,
        ]
      : []),
    ...(cleanup === 'delete'
      ? []
      : [
          `${SETTINGS.cleanup} is ${cleanup}: compaction deletes events of the same key; set it to delete`,
        ]),
    ...(settings.get(SETTINGS.unclean) === 'true'
      ? [
          `${SETTINGS.unclean} is true: a broker that lacks confirmed events may become the leader; set it to false`,
        ]
      : []),
  ];
}

export async function warnOfFaults(cluster: Cluster, name: string, topic: Topic): Promise<void> {
  for (const fault of await topicFaults(cluster, name, topic)) {
    const warning = `the topic ${name}: ${fault}`;
    if (!said.has(warning)) {
      said.add(warning);
      logger.warn(warning);
    }
  }
}

async function existingOrMade(
  cluster: Cluster,
  name: string,
  numPartitions: number,
  settings: Readonly<Record<string, string>>,
): Promise<Topic> {
  try {
    return await cluster.topic(name);
  } catch (error) {
    if (asKafkaError(error).code !== CODES.unknownTopicOrPartition) {
      throw error;
    }
  }
  const replicationFactor = Math.max(1, Math.min(REPLICAS, cluster.brokers));
  const configs = Object.entries({
    ...settings,
    [SETTINGS.minInSync]: String(Math.min(MIN_IN_SYNC, replicationFactor)),
    [SETTINGS.unclean]: 'false',
  }).map(([key, value]) => ({ name: key, value }));
  try {
    await cluster.onSome((connection) =>
      createTopicsV5.api.async(
        connection,
        [{ name, numPartitions, replicationFactor, assignments: [], configs }],
        CREATE_TIMEOUT_MS,
        false,
      ),
    );
    logger.log(`the topic ${name} is made, with ${numPartitions} partition(s)`);
  } catch (error) {
    // Another instance does the same.
    if (asKafkaError(error).code !== CODES.topicAlreadyExists) {
      throw error;
    }
  }
  return cluster.topic(name);
}
