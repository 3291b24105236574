import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { KafkaConnectionOptions } from '../../../src/kafka/kafka-connection.options.js';
import { prepareQueue } from '../../../src/queueing/kafka/prepare-queue.js';
import { connectionTo } from '../disk/kafka-harness.js';
import { until } from '../servers/collector.js';
import type { KafkaCluster } from '../servers/kafka-cluster.js';
import { uniqueName } from '../servers/postgres-server.js';
import { CommittedOffsets } from './committed-offsets.js';
import { Feed } from './feed.js';
import { delivered, Member, type MemberSettings, type SinkState } from './member.js';

/** Short, for a test has to wait for its end, and longer than a busy machine lets a process wait. */
const SESSION_MS = 10_000;
export const BATCH_EVENTS = 50;

interface FleetSettings {
  readonly partitions?: number;
  readonly sinks?: readonly string[];
  readonly writeMs?: number;
  readonly configs?: Record<string, string>;
  readonly sessionMs?: number;
}

/** A topic, members that deliver it to files, and somebody who writes to it. */
export class Fleet {
  readonly members: Member[] = [];
  readonly feeds: Feed[] = [];
  readonly watches: readonly CommittedOffsets[];

  private constructor(
    readonly directory: string,
    readonly topic: string,
    readonly connection: KafkaConnectionOptions,
    private readonly sinks: readonly string[],
    private readonly partitions: number,
    private readonly pace: Pick<MemberSettings, 'writeMs' | 'sessionMs'>,
  ) {
    this.watches = sinks.map(
      (sink) => new CommittedOffsets(connection, topic, this.groupPrefix + sink, partitions),
    );
  }

  static async create(
    cluster: KafkaCluster,
    {
      partitions = 6,
      sinks = ['file'],
      writeMs = 10,
      configs = {},
      sessionMs = SESSION_MS,
    }: FleetSettings = {},
  ): Promise<Fleet> {
    const topic = uniqueName('queue');
    await cluster.createTopic(topic, { partitions, configs });
    const connection = connectionTo(cluster.addresses);
    // The brokers do not all know it at the same moment.
    await until(() => prepareQueue({ connection, topic, sinks }).then(() => true));
    const directory = await mkdtemp(join(tmpdir(), 'gotrack-fleet-'));
    return new Fleet(directory, topic, connection, sinks, partitions, { writeMs, sessionMs });
  }

  get groupPrefix(): string {
    return `${this.topic}.`;
  }

  member(instanceId: string): Member {
    const { directory, topic, connection, sinks, groupPrefix } = this;
    const settings: MemberSettings = {
      brokers: connection.brokers,
      topic,
      groupPrefix,
      instanceId,
      sinks,
      batchEvents: BATCH_EVENTS,
      directory,
      ...this.pace,
    };
    const member = new Member(settings);
    this.members.push(member);
    member.start();
    return member;
  }

  feed(): Feed {
    const feed = new Feed(this.connection, this.topic, `f${this.feeds.length}`);
    this.feeds.push(feed);
    return feed;
  }

  get sent(): readonly string[] {
    return this.feeds.flatMap(({ sent }) => sent);
  }

  delivered(sink = 'file'): readonly string[] {
    return delivered(this.directory, sink);
  }

  /** Until it has had so many more of what was sent. */
  async moreDelivered(count: number, sink = 'file'): Promise<void> {
    const before = this.delivered(sink).length;
    await until(() => this.delivered(sink).length >= before + count);
  }

  /** Until these have all partitions, each about as many as the others. */
  async shared(members: readonly Member[], partitions = this.partitions): Promise<void> {
    await until(async () => {
      const states = await Promise.all(members.map((member) => member.state()));
      return this.sinks.every((sink) => {
        const counts = states.map((state) => state[sink]?.owned.length ?? 0);
        const all = counts.reduce((sum, count) => sum + count, 0);
        return all === partitions && Math.max(...counts) - Math.min(...counts) <= 1;
      });
    });
  }

  async statesOf(members: readonly Member[], sink = 'file'): Promise<readonly SinkState[]> {
    const states = await Promise.all(members.map((member) => member.state()));
    return states.flatMap((state) => state[sink] ?? []);
  }

  /** How many times events came that had been delivered before. */
  repeats(sink = 'file'): number {
    const all = this.delivered(sink);
    return all.length - new Set(all).size;
  }

  async stop(): Promise<void> {
    await Promise.all(this.feeds.map((feed) => feed.stop()));
    await Promise.all(this.watches.map((watch) => watch.stop()));
    for (const member of this.members) {
      member.signal('SIGCONT');
      await member.stop('SIGKILL');
    }
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** Everything that was sent is delivered, the members' books say so, and no committed offset has ever gone back. */
export async function expectSettled(
  fleet: Fleet,
  members: readonly Member[],
  sink = 'file',
): Promise<void> {
  await Promise.all(fleet.feeds.map((feed) => feed.stop()));
  await until(async () => {
    const there = new Set(fleet.delivered(sink));
    expect(fleet.sent.filter((event) => !there.has(event))).toEqual([]);
    const states = await fleet.statesOf(members, sink);
    return states.every(({ depth, holding }) => depth === 0 && holding === undefined);
  });
  for (const { ledger } of await fleet.statesOf(members, sink)) {
    const { accepted, ...parts } = ledger;
    expect(Object.values(parts).reduce((sum, part) => sum + part)).toBe(accepted);
    expect(Math.min(...Object.values(parts))).toBeGreaterThanOrEqual(0);
  }
  expect(fleet.watches.flatMap(({ steps }) => steps)).toEqual([]);
}
