import { setTimeout as sleep } from 'node:timers/promises';
import { createTopicsV5 } from '@platformatic/kafka';
import { Logger } from '@nestjs/common';
import type { Cluster, Topic } from '../../kafka/cluster.js';
import { asKafkaError, KafkaError } from '../../kafka/kafka-error.js';
import { CODES } from '../../kafka/protocol-codes.js';
import { SINKS_TOPIC } from './kafka-queue.options.js';

/** For a topic that is missing: so many members can share the work of a sink. */
const PARTITIONS = 6;
/** So many brokers may be lost, but for one, without a loss of events. */
const REPLICAS = 3;
const MIN_IN_SYNC = 2;
const CREATE_TIMEOUT_MS = 4000;
const KNOWN_ATTEMPTS = 20;
const KNOWN_INTERVAL_MS = 100;
/** After the start of the process, which may be that of the brokers: a topic keeps the replicas that it is made with. */
const OTHERS_MAY_START_MS = 10_000;

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

/** How old records are to be deleted, and what another policy does. */
const POLICIES = {
  delete: 'compaction deletes events of the same key',
  compact: 'retention deletes where each sink begins',
} as const;

type Policy = keyof typeof POLICIES;

/** What about a topic may lose what is in it. @returns a sentence for each fault, for an operator */
export async function topicFaults(
  cluster: Cluster,
  name: string,
  { partitions }: Topic,
  policy: Policy,
): Promise<readonly string[]> {
  const settings = await cluster.topicConfigs(name, Object.values(SETTINGS));
  const replicas = Math.min(...partitions.map((partition) => partition.replicas));
  const minInSync = Number(settings.get(SETTINGS.minInSync) ?? MIN_IN_SYNC);
  const cleanup = settings.get(SETTINGS.cleanup) ?? policy;
  return [
    ...(replicas < REPLICAS
      ? [
          `it keeps ${replicas} replica(s): what it holds may be lost with a disk; give it ${REPLICAS}`,
        ]
      : []),
    ...(minInSync < MIN_IN_SYNC
      ? [
          `${SETTINGS.minInSync} is ${minInSync}: one broker alone confirms what is written; set it to ${MIN_IN_SYNC}`,
        ]
      : []),
    ...(cleanup === policy
      ? []
      : [`${SETTINGS.cleanup} is ${cleanup}: ${POLICIES[policy]}; set it to ${policy}`]),
    ...(settings.get(SETTINGS.unclean) === 'true'
      ? [
          `${SETTINGS.unclean} is true: a broker that lacks confirmed events may become the leader; set it to false`,
        ]
      : []),
  ];
}

/** Once for each fault. */
export async function warnOfFaults(
  cluster: Cluster,
  name: string,
  topic: Topic,
  policy: Policy,
): Promise<void> {
  for (const fault of await topicFaults(cluster, name, topic, policy)) {
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
  if (cluster.brokers < REPLICAS && performance.now() < OTHERS_MAY_START_MS) {
    throw new KafkaError(
      'other',
      `the topic ${name} is missing, and fewer than ${REPLICAS} brokers answer: it is made when there are more, or in a moment`,
    );
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
    logger.log(
      `the topic ${name} is made, with ${numPartitions} partition(s) of ${replicationFactor} replica(s) each`,
    );
  } catch (error) {
    // Another instance does the same.
    if (asKafkaError(error).code !== CODES.topicAlreadyExists) {
      throw error;
    }
  }
  return whenKnown(cluster, name);
}

/** The brokers learn of a topic one after the other. */
async function whenKnown(cluster: Cluster, name: string): Promise<Topic> {
  for (let attempts = 1; ; attempts += 1) {
    try {
      return await cluster.topic(name);
    } catch (error) {
      if (attempts === KNOWN_ATTEMPTS) {
        throw error;
      }
    }
    await sleep(KNOWN_INTERVAL_MS);
  }
}
