import type { Cluster, Topic } from '../../kafka/cluster.js';
import { KafkaError } from '../../kafka/kafka-error.js';

/** The topic that this process reads, for as long as it lives: offsets of one mean nothing in another of the same name. */
export class TopicIdentity {
  private id: string | undefined;
  private replaced: string | undefined;

  constructor(readonly name: string) {}

  /** Why nothing can be read or committed any more. */
  get problem(): string | undefined {
    return this.replaced;
  }

  /** @throws KafkaError it is another topic than before */
  check(id: string): void {
    this.id ??= id;
    if (id !== this.id) {
      this.replaced = `the topic ${this.name} was deleted and made again; what was in the old one is gone. Restart GoTrack to read the new one from its beginning`;
      throw new KafkaError('other', this.replaced);
    }
  }
}

/** What one cluster's brokers say about the queue's topic. */
export class TopicView {
  private known: Topic | undefined;
  private refreshing: Promise<Topic> | undefined;

  constructor(
    readonly cluster: Cluster,
    private readonly identity: TopicIdentity,
  ) {}

  get name(): string {
    return this.identity.name;
  }

  get problem(): string | undefined {
    return this.identity.problem;
  }

  /** As it was seen last, or now when it never was. */
  async current(): Promise<Topic> {
    return this.known ?? this.refresh();
  }

  /** Calls at the same time share one request. @throws KafkaError */
  refresh(): Promise<Topic> {
    this.refreshing ??= this.read().finally(() => {
      this.refreshing = undefined;
    });
    return this.refreshing;
  }

  private async read(): Promise<Topic> {
    const topic = await this.cluster.topic(this.name);
    this.identity.check(topic.id);
    this.known = topic;
    return topic;
  }
}
