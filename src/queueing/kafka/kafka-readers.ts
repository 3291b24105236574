import { setTimeout as sleep } from 'node:timers/promises';
import type { PipelineObserver } from '../../metrics/pipeline-observer.js';
import { Readers } from '../event-queue.js';
import { writeBeginnings } from './beginnings.js';
import { GROUP_PREFIX } from './kafka-queue.options.js';
import { KafkaReader } from './kafka-reader.js';
import { LastingProblem } from './lasting-problem.js';
import { type PreparedQueue, prepareQueue, type QueueTopicOptions } from './prepare-queue.js';
import { ReplayMarkFile } from './replay-mark-file.js';
import { TopicIdentity } from './topic-view.js';

/** A member that is not heard of for so long loses its partitions; one that comes back before has them still. */
const SESSION_MS = 30_000;
const RETRY_MS = 500;

export interface KafkaReadersOptions extends QueueTopicOptions {
  /** The same over the restarts of an instance, and of no other. */
  readonly instanceId: string;
  /** Where this instance keeps how far a replay of its dead letters is. */
  readonly marksDirectory: string;
  readonly sessionMs?: number;
  /** What the name of each sink's group begins with. */
  readonly groupPrefix?: string;
}

/** The reading side of the queue in a topic: one member of one consumer group for each sink. */
export class KafkaReaders extends Readers {
  private readonly stopping = new AbortController();

  private constructor(
    private readonly options: KafkaReadersOptions,
    private readonly identity: TopicIdentity,
    private readonly readers: ReadonlyMap<string, KafkaReader>,
    private readonly preparing: LastingProblem,
  ) {
    super();
  }

  /** Resolves whether or not a broker answers: nothing is read until one does. */
  static async open(
    options: KafkaReadersOptions,
    observer: PipelineObserver,
  ): Promise<KafkaReaders> {
    const identity = new TopicIdentity(options.topic);
    const preparing = new LastingProblem();
    const { connection, instanceId, sessionMs = SESSION_MS, groupPrefix = GROUP_PREFIX } = options;
    const readers = new Map<string, KafkaReader>();
    for (const sink of options.sinks) {
      const marks = await ReplayMarkFile.load(options.marksDirectory, sink);
      const group = groupPrefix + sink;
      const own = { connection, topic: identity, instanceId, sessionMs, group };
      readers.set(sink, new KafkaReader(sink, own, marks, observer, preparing));
    }
    const all = new KafkaReaders(options, identity, readers, preparing);
    void all.start();
    return all;
  }

  reader(sink: string): KafkaReader {
    const reader = this.readers.get(sink);
    if (!reader) {
      throw new Error(`the queue was opened without a sink named ${sink}`);
    }
    return reader;
  }

  async close(): Promise<void> {
    this.stopping.abort();
    await Promise.all([...this.readers.values()].map((reader) => reader.close()));
  }

  private async start(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      try {
        const prepared = await prepareQueue(this.options);
        this.identity.check(prepared.topicId);
        this.preparing.over();
        this.begin(prepared);
        return;
      } catch (error) {
        this.preparing.failed(error);
      }
      await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  private begin({ beginnings }: PreparedQueue): void {
    for (const [sink, reader] of this.readers) {
      const beginning = beginnings.get(sink);
      if (beginning) {
        reader.start(beginning, () =>
          writeBeginnings(this.options.connection, [{ ...beginning, hasBegun: true }]),
        );
      }
    }
  }
}
