import { DeadLetterOptions } from '../../config/dead-letter.options.js';
import type { GetOptions } from '../../config/load-configuration.js';
import { KafkaConnectionOptions } from '../../kafka/kafka-connection.options.js';
import type { PipelineObserver } from '../../metrics/pipeline-observer.js';
import { openEmbeddedQueue } from '../embedded/embedded-driver.js';
import { forgetSink, queueStatus } from '../embedded/queue-status.js';
import type { HowToDeliver } from '../embedded/starting-cursors.js';
import type { Fleet } from '../fleet.js';
import { type QueueDriver, replayMarkIn } from '../queue-driver.js';
import { deliveredSinks, FORWARD_LANE, forwards, type QueuePlan } from '../queue-plan.js';
import { QueueingOptions } from '../queueing.options.js';
import { KafkaQueueOptions } from './kafka-queue.options.js';
import type { KafkaReaders } from './kafka-readers.js';
import type { QueueTopicOptions } from './prepare-queue.js';
import { ReadersOfBoth } from './readers-of-both.js';
import { ReplayMarkFile } from './replay-mark-file.js';

/** The disk holds what is on its way to the topic; the sinks read the topic. */
export const kafkaDriver: QueueDriver = {
  optionsClasses: [QueueingOptions, KafkaQueueOptions, KafkaConnectionOptions, DeadLetterOptions],

  async open(get, plan, observer) {
    const local = forwards(plan)
      ? await openEmbeddedQueue(get(QueueingOptions), [FORWARD_LANE], howToDeliver, observer)
      : undefined;
    if (deliveredSinks(plan).length === 0 && local) {
      return { local, readers: local, fleet: await openFleet(get, plan, () => 0) };
    }
    const ofTopic = await openTopic(get, plan, observer);
    const readers = local ? new ReadersOfBoth(local, ofTopic) : ofTopic;
    const fleet = await openFleet(get, plan, (sink) => ofTopic.reader(sink).partitions.owned);
    return { local, readers, fleet };
  },

  status: async (get, plan) =>
    forwards(plan) ? queueStatus(get(QueueingOptions).path) : undefined,

  async fleetStatus(get, plan) {
    const fleet = await openFleet(get, plan, () => 0);
    try {
      return await fleet.status();
    } finally {
      fleet.close();
    }
  },

  async replayMark(get, sink) {
    if (sink === FORWARD_LANE) {
      return replayMarkIn(await queueStatus(get(QueueingOptions).path), sink);
    }
    return (await ReplayMarkFile.load(get(DeadLetterOptions).path, sink)).mark;
  },

  async forget(get, plan, sink) {
    assertHasDisk(plan);
    if (sink === FORWARD_LANE) {
      throw new Error(
        `what is queued for ${sink} is still to be brought to the topic, for all sinks. Nothing gives it up while ` +
          'QUEUE_DRIVER is kafka',
      );
    }
    return forgetSink(get(QueueingOptions).path, sink);
  },
};

const howToDeliver: HowToDeliver = (sink) => ({
  cause: `QUEUE_DRIVER=kafka delivers nothing from here to ${sink}`,
  remedy: 'Set QUEUE_DRIVER to embedded to deliver them',
});

/** The client takes 60 MB: it is loaded where it is used. */
async function openTopic(
  get: GetOptions,
  plan: QueuePlan,
  observer: PipelineObserver,
): Promise<KafkaReaders> {
  const readers = await import('./kafka-readers.js');
  return readers.KafkaReaders.open(
    {
      ...topicOptions(get, deliveredSinks(plan)),
      instanceId: get(KafkaQueueOptions).instanceName,
      marksDirectory: get(DeadLetterOptions).path,
    },
    observer,
  );
}

async function openFleet(
  get: GetOptions,
  { outputs }: QueuePlan,
  ownedBy: (sink: string) => number,
): Promise<Fleet> {
  const { FleetView } = await import('./fleet-view.js');
  return new FleetView({ ...topicOptions(get, outputs), ownedBy });
}

function topicOptions(get: GetOptions, sinks: readonly string[]): QueueTopicOptions {
  return { connection: get(KafkaConnectionOptions), topic: get(KafkaQueueOptions).topic, sinks };
}

function assertHasDisk({ role }: QueuePlan): void {
  if (role === 'deliver') {
    throw new Error(
      'this command gives up what is on the disk of an instance, and ROLE=deliver keeps nothing there: its events wait in ' +
        'the topic QUEUE_KAFKA_TOPIC. Run it where ROLE is ingest or all; gotrack queue status says what waits for each sink',
    );
  }
}
