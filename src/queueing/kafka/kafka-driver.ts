import { DeadLetterOptions } from '../../config/dead-letter.options.js';
import type { GetOptions } from '../../config/load-configuration.js';
import { KafkaConnectionOptions } from '../../kafka/kafka-connection.options.js';
import type { PipelineObserver } from '../../metrics/pipeline-observer.js';
import { EmbeddedQueue } from '../embedded/embedded-queue.js';
import { forgetSink, queueStatus } from '../embedded/queue-status.js';
import type { HowToDeliver } from '../embedded/starting-cursors.js';
import type { Readers } from '../event-queue.js';
import { type QueueDriver, replayMarkIn } from '../queue-driver.js';
import { deliveredSinks, FORWARD_LANE, forwards, type QueuePlan } from '../queue-plan.js';
import { QueueingOptions } from '../queueing.options.js';
import { KafkaQueueOptions } from './kafka-queue.options.js';
import { ReadersOfBoth } from './readers-of-both.js';
import { ReplayMarkFile } from './replay-mark-file.js';

const MIB = 1024 * 1024;

/** The disk holds what is on its way to the topic; the sinks read the topic. */
export const kafkaDriver: QueueDriver = {
  optionsClasses: [QueueingOptions, KafkaQueueOptions, KafkaConnectionOptions, DeadLetterOptions],

  beside:
    'With QUEUE_DRIVER=kafka this is what is on its way to the topic. What waits in the topic for each sink is in\n' +
    'gotrack_queue_depth, on METRICS_ADDR of those that deliver.',

  async open(get, plan, observer) {
    const local = forwards(plan) ? await openLocal(get, observer) : undefined;
    if (deliveredSinks(plan).length === 0 && local) {
      return { local, readers: local };
    }
    const ofTopic = await openTopic(get, plan, observer);
    return { local, readers: local ? new ReadersOfBoth(local, ofTopic) : ofTopic };
  },

  async status(get, plan) {
    assertHasDisk(plan, 'shows what is on the disk of an instance');
    return queueStatus(get(QueueingOptions).path);
  },

  async replayMark(get, sink) {
    if (sink === FORWARD_LANE) {
      return replayMarkIn(await queueStatus(get(QueueingOptions).path), sink);
    }
    return (await ReplayMarkFile.load(get(DeadLetterOptions).path, sink)).mark;
  },

  async forget(get, plan, sink) {
    assertHasDisk(plan, 'gives up what is on the disk of an instance');
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

function openLocal(get: GetOptions, observer: PipelineObserver): Promise<EmbeddedQueue> {
  const { path: directory, maxMegabytes } = get(QueueingOptions);
  return EmbeddedQueue.open(
    { directory, maxBytes: maxMegabytes * MIB, sinks: [FORWARD_LANE], howToDeliver },
    observer,
  );
}

async function openTopic(
  get: GetOptions,
  plan: QueuePlan,
  observer: PipelineObserver,
): Promise<Readers> {
  const { topic, instanceName } = get(KafkaQueueOptions);
  // The client takes 60 MB: only who reads the topic loads it.
  const { KafkaReaders } = await import('./kafka-readers.js');
  return KafkaReaders.open(
    {
      connection: get(KafkaConnectionOptions),
      topic,
      instanceId: instanceName,
      sinks: deliveredSinks(plan),
      marksDirectory: get(DeadLetterOptions).path,
    },
    observer,
  );
}

function assertHasDisk({ role }: QueuePlan, does: string): void {
  if (role === 'deliver') {
    throw new Error(
      `this command ${does}, and ROLE=deliver keeps nothing there: its events wait in the topic QUEUE_KAFKA_TOPIC. ` +
        'Run it where ROLE is ingest or all; gotrack_queue_depth on METRICS_ADDR says what waits for each sink',
    );
  }
}
