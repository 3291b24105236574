import type { Fault } from './config/configuration-error.js';
import type { CrossCheck, GetOptions } from './config/load-configuration.js';
import { RoleOptions } from './config/role.options.js';
import { KafkaConnectionOptions } from './kafka/kafka-connection.options.js';
import { LEGAL_NAME } from './kafka/legal-name.js';
import { MetricsOptions } from './metrics/metrics.options.js';
import { KafkaQueueOptions, SINKS_TOPIC } from './queueing/kafka/kafka-queue.options.js';
import { QueueingOptions } from './queueing/queueing.options.js';
import { KafkaOptions } from './sinks/kafka/kafka.options.js';
import { SinksOptions } from './sinks/sinks.options.js';

/** What a role and the queue's driver need of other settings. */
export const roleRules: CrossCheck = (get) => [
  ...rulesOfRole(get),
  ...(get(QueueingOptions).driver === 'kafka' ? rulesOfKafka(get) : []),
];

function rulesOfRole(get: GetOptions): Fault[] {
  const { role } = get(RoleOptions);
  return [
    ...(role !== 'all' && get(QueueingOptions).driver !== 'kafka'
      ? [
          {
            name: 'ROLE',
            reason: `is ${role}, and that needs a topic between the two; set QUEUE_DRIVER to kafka, or ROLE to all`,
          },
        ]
      : []),
    ...(role === 'deliver' && !get(MetricsOptions).enabled
      ? [
          {
            name: 'METRICS_ENABLED',
            reason: 'must be true, because ROLE is deliver: its health is on METRICS_ADDR alone',
          },
        ]
      : []),
  ];
}

function rulesOfKafka(get: GetOptions): Fault[] {
  const { topic, instanceName } = get(KafkaQueueOptions);
  const sinkTopic = get(SinksOptions).outputs.includes('kafka')
    ? get(KafkaOptions).topic
    : undefined;
  return [
    ...(get(KafkaConnectionOptions).areBrokersSet
      ? []
      : [{ name: 'KAFKA_BROKERS', reason: 'must be set, because QUEUE_DRIVER is kafka' }]),
    ...(topic === SINKS_TOPIC
      ? [
          {
            name: 'QUEUE_KAFKA_TOPIC',
            reason: `must be another: ${SINKS_TOPIC} is used for itself`,
          },
        ]
      : []),
    ...(sinkTopic === topic || sinkTopic === SINKS_TOPIC
      ? [
          {
            name: 'KAFKA_TOPIC',
            reason: `must be another: GoTrack uses ${sinkTopic} itself, and what it delivers there would come back`,
          },
        ]
      : []),
    ...(LEGAL_NAME.pattern.test(instanceName)
      ? []
      : [{ name: 'INSTANCE_ID', reason: `must be set: the host name ${LEGAL_NAME.rule}` }]),
  ];
}
