import { afterAll, describe, expect, it } from 'vitest';
import { until, Workplace } from '../support/servers/collector.js';
import { KafkaBroker } from '../support/servers/kafka-broker.js';
import { KAFKA_USER } from '../support/servers/kafka-properties.js';
import { uniqueName } from '../support/servers/postgres-server.js';
import { kafkaSinkOf, writeUntilDone } from '../contracts/kafka-sinks.js';
import { failureOf, jsonOf, storedEvents } from '../contracts/sink-contract.js';

const started = await KafkaBroker.start({ hasFollower: true });
afterAll(() => started?.stop());

const REPLICATED = { partitions: 2, replicas: 2, configs: { 'min.insync.replicas': '2' } };

describe.skipIf(!started?.isOwn)('below min.insync.replicas', () => {
  it('the sink is down before an event comes, keeps it, and has it once the replicas are back', async () => {
    const broker = started as KafkaBroker;
    const topic = uniqueName('events');
    await broker.createTopic(topic, REPLICATED);
    const workplace = await Workplace.create();
    try {
      const collector = await workplace.start({
        OUTPUTS: 'kafka',
        KAFKA_BROKERS: broker.address(),
        KAFKA_TOPIC: topic,
      });
      const sink = { sink: 'kafka' };
      const becomes = (value: number): Promise<void> =>
        until(async () => (await collector.metric('gotrack_sink_up', sink)) === value);
      await becomes(1);

      await broker.haltFollower();
      await becomes(0);
      expect(collector.log.join('\n')).toContain('min.insync.replicas');
      const { status } = await fetch(`${collector.url}/collect`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"type":"pageview"}',
      });
      expect(status).toBe(202);
      await until(async () => (await collector.metric('gotrack_sink_errors_total', sink)) > 2);

      await broker.resumeFollower();
      await becomes(1);
      await collector.drained('kafka');
      expect(await broker.recordsOf(topic)).toHaveLength(1);
      expect(await collector.metric('gotrack_events_dead_lettered_total', sink)).toBe(0);
    } finally {
      await broker.resumeFollower();
      await workplace.remove();
    }
  });

  it('the check fails without a write, nothing is refused, and a batch is written once', async () => {
    const broker = started as KafkaBroker;
    const [topic, closedTopic] = [uniqueName('events'), uniqueName('closed')];
    await broker.createTopic(topic, REPLICATED);
    await broker.createTopic(closedTopic, REPLICATED);
    await broker.grant(closedTopic, ['WRITE', 'DESCRIBE']);
    const sink = kafkaSinkOf(broker, { KAFKA_TOPIC: topic });
    const careless = kafkaSinkOf(broker, { KAFKA_TOPIC: topic, KAFKA_ACKS: '1' });
    const unprivileged = kafkaSinkOf(broker, {
      KAFKA_TOPIC: closedTopic,
      KAFKA_BROKERS: broker.address('LOGIN'),
      KAFKA_SASL_MECHANISM: 'SCRAM-SHA-256',
      KAFKA_SASL_USER: KAFKA_USER.name,
      KAFKA_SASL_PASSWORD: KAFKA_USER.password,
      KAFKA_TLS: 'false',
    });
    try {
      await sink.open();
      await sink.check();

      await broker.haltFollower();

      await expect
        .poll(() => sink.check().then(() => 'up', String))
        .toMatch(/2 of 2 partitions of .* fewer replicas in sync than min\.insync\.replicas, 2/);
      // Who waits for the leader alone is not refused.
      await careless.check();
      // It may not know the bound: its writes tell.
      await unprivileged.check();
      const batch = storedEvents(20);
      await expect
        .poll(() => failureOf(sink.write(batch)))
        .toMatchObject({
          name: 'RetryableSinkError',
          errorType: 'other',
          message: expect.stringContaining('(NOT_ENOUGH_REPLICAS, error code 19)'),
        });

      await broker.resumeFollower();

      await expect.poll(() => sink.check().then(() => 'up', String)).toBe('up');
      await writeUntilDone(sink, batch);
      const values = (await broker.recordsOf(topic)).map(({ value }) => value);
      expect(values.toSorted()).toEqual(jsonOf(batch).toSorted());
    } finally {
      await Promise.all([sink, careless, unprivileged].map((one) => one.close()));
    }
  });
});
