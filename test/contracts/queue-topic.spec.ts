import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Cluster } from '../../src/kafka/cluster.js';
import { type PreparedQueue, prepareQueue } from '../../src/queueing/kafka/prepare-queue.js';
import { topicFaults } from '../../src/queueing/kafka/queue-topic.js';
import { connectionTo } from '../support/disk/kafka-harness.js';
import { Feed } from '../support/fleet/feed.js';
import type { KafkaBroker } from '../support/servers/kafka-broker.js';
import { uniqueName } from '../support/servers/postgres-server.js';
import { sharedKafka } from '../support/servers/shared-servers.js';

const started = await sharedKafka();

describe.skipIf(!started)('the topic of a queue', () => {
  const broker = started as KafkaBroker;
  const connection = started ? connectionTo(started.address()) : undefined;

  /** As its callers do, until it succeeds: a process that has just started waits for more brokers. */
  async function prepare(topic: string, ...sinks: string[]): Promise<PreparedQueue> {
    if (!connection) {
      throw new Error('there is no broker');
    }
    return vi.waitFor(() => prepareQueue({ connection, topic, sinks }));
  }

  const beginningsOf = async (topic: string, ...sinks: string[]): Promise<unknown> => {
    const { beginnings } = await prepare(topic, ...sinks);
    return Object.fromEntries(
      Array.from(beginnings, ([sink, { offsets }]) => [sink, [...offsets.values()]]),
    );
  };

  function clusterToAsk(): Cluster {
    const cluster = new Cluster(connection as NonNullable<typeof connection>);
    onTestFinished(() => cluster.close());
    return cluster;
  }

  it('is made when it is missing', async () => {
    const topic = uniqueName('queue');
    await prepare(topic, 'a');
    const cluster = clusterToAsk();
    expect((await cluster.topic(topic)).partitions).toHaveLength(6);
    const names = ['cleanup.policy', 'unclean.leader.election.enable'];
    expect(Object.fromEntries(await cluster.topicConfigs(topic, names))).toEqual({
      'cleanup.policy': 'delete',
      'unclean.leader.election.enable': 'false',
    });
    expect((await cluster.topicConfigs('gotrack.sinks', names)).get('cleanup.policy')).toBe(
      'compact',
    );
  });

  it('is complained about when it may lose what it holds', async () => {
    const topic = uniqueName('queue');
    await broker.createTopic(topic, {
      configs: {
        'cleanup.policy': 'compact',
        'min.insync.replicas': '1',
        'unclean.leader.election.enable': 'true',
      },
    });
    const cluster = clusterToAsk();
    expect(await topicFaults(cluster, topic, await cluster.topic(topic), 'delete')).toEqual([
      expect.stringContaining('1 replica(s)'),
      expect.stringContaining('min.insync.replicas is 1'),
      expect.stringContaining('cleanup.policy is compact'),
      expect.stringContaining('unclean.leader.election.enable is true'),
    ]);
  });

  it('is read from its first record by the sinks of a new fleet, and from its end by a later one', async () => {
    const topic = uniqueName('queue');
    await broker.createTopic(topic, { partitions: 1 });
    const feed = new Feed(connection as NonNullable<typeof connection>, topic, 'f');
    await feed.send(20);
    expect(await beginningsOf(topic, 'a', 'b')).toEqual({ a: [0], b: [0] });
    expect(await beginningsOf(topic, 'a', 'b', 'c')).toEqual({ a: [0], b: [0], c: [20] });
    await feed.send(20);
    expect(await beginningsOf(topic, 'a', 'c')).toEqual({ a: [0], b: [0], c: [20] });
  });

  it('has one beginning for each sink, however many instances start at the same time', async () => {
    const topic = uniqueName('queue');
    await broker.createTopic(topic, { partitions: 2 });
    await Promise.all(Array.from({ length: 4 }, () => prepare(topic, 'a')));
    expect(await beginningsOf(topic, 'a')).toEqual({ a: [0, 0] });
  });

  it('is read from its first record when it was deleted and made again in the meantime', async () => {
    const topic = uniqueName('queue');
    await broker.createTopic(topic, { partitions: 1 });
    const feed = new Feed(connection as NonNullable<typeof connection>, topic, 'f');
    await prepare(topic, 'a');
    await feed.send(20);
    await prepare(topic, 'a', 'b');
    await broker.deleteTopic(topic);
    await broker.createTopic(topic, { partitions: 1 });
    await feed.send(20);
    expect(await beginningsOf(topic, 'a', 'b')).toEqual({ a: [0], b: [0] });
  });
});
