import type { Provider } from '@nestjs/common';
import { getConfigToken } from '@nestjs/config';
import { KafkaConnectionOptions } from '../../kafka/kafka-connection.options.js';
import { PipelineObserver } from '../../metrics/pipeline-observer.js';
import { EventQueue, LocalQueue, Readers } from '../../queueing/event-queue.js';
import { KafkaQueueOptions } from '../../queueing/kafka/kafka-queue.options.js';
import { FORWARD_LANE, type QueuePlan } from '../../queueing/queue-plan.js';
import type { LaneInput } from '../lane-input.js';
import { Lanes } from '../lanes.js';
import { ConfirmingSource } from './confirming-source.js';
import { ForwardOptions } from './forward.options.js';
import { ReplicatedQueue } from './replicated-queue.js';
import { TopicSink } from './topic-sink.js';
import { Unconfirmed } from './unconfirmed.js';

/**
 * Each batch waits for the one before it, so that under load batches grow by themselves. A little linger spares the
 * brokers requests of one event each.
 */
const BOUNDS = { maxEvents: 5000, lingerMs: 2 };

/** Injects the `LaneInput` of the lane to the topic. */
export const FORWARD_INPUT = Symbol('FORWARD_INPUT');

/** The lane to the topic, and the way in that waits for it. */
export const forwardProviders = ({ outputs }: QueuePlan): readonly Provider[] => [
  {
    provide: Unconfirmed,
    inject: [getConfigToken(ForwardOptions.key)],
    useFactory: ({ ackTimeoutMs }: ForwardOptions) => new Unconfirmed(ackTimeoutMs),
  },
  {
    provide: FORWARD_INPUT,
    inject: [
      Readers,
      Unconfirmed,
      getConfigToken(KafkaConnectionOptions.key),
      getConfigToken(KafkaQueueOptions.key),
      getConfigToken(ForwardOptions.key),
    ],
    useFactory: (
      readers: Readers,
      unconfirmed: Unconfirmed,
      connection: KafkaConnectionOptions,
      { topic }: KafkaQueueOptions,
      { recordKey }: ForwardOptions,
    ): LaneInput => ({
      source: new ConfirmingSource(readers.reader(FORWARD_LANE), unconfirmed),
      sink: new TopicSink(connection, { topic, recordKey, readers: outputs }),
      bounds: BOUNDS,
    }),
  },
  {
    provide: EventQueue,
    inject: [LocalQueue, Unconfirmed, getConfigToken(ForwardOptions.key), PipelineObserver, Lanes],
    useFactory: (
      local: LocalQueue,
      unconfirmed: Unconfirmed,
      options: ForwardOptions,
      observer: PipelineObserver,
      lanes: Lanes,
    ) =>
      new ReplicatedQueue(
        local,
        unconfirmed,
        options,
        observer,
        lanes.lane(FORWARD_LANE).sinkState,
      ),
  },
];
