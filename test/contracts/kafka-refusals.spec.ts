import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { KafkaSink } from '../../src/sinks/kafka/kafka-sink.js';
import { RejectedEventsError } from '../../src/sinks/sink.js';
import { freePort } from '../support/servers/free-port.js';
import { KafkaBroker } from '../support/servers/kafka-broker.js';
import { KAFKA_USER } from '../support/servers/kafka-properties.js';
import { uniqueName } from '../support/servers/postgres-server.js';
import { TcpProxy } from '../support/servers/tcp-proxy.js';
import { kafkaSinkOf, type Variables, writeUntilDone } from './kafka-sinks.js';
import { failureOf, jsonOf, storedEvent, storedEvents } from './sink-contract.js';

const proxyPort = await freePort();
const started = await KafkaBroker.start({ proxyPort });
afterAll(() => started?.stop());
afterEach(() => void vi.restoreAllMocks());

const broker = (): KafkaBroker => started as KafkaBroker;

async function newTopic(configs: Record<string, string> = {}): Promise<string> {
  const topic = uniqueName('events');
  await broker().createTopic(topic, { configs });
  return topic;
}

function createSink(variables: Variables): KafkaSink {
  const sink = kafkaSinkOf(broker(), variables);
  onTestFinished(() => sink.close());
  return sink;
}

async function createOpen(variables: Variables): Promise<KafkaSink> {
  const sink = createSink(variables);
  await sink.open();
  return sink;
}

const login = (): Variables => ({
  KAFKA_BROKERS: broker().address('LOGIN'),
  KAFKA_SASL_MECHANISM: 'SCRAM-SHA-256',
  KAFKA_SASL_USER: KAFKA_USER.name,
  KAFKA_SASL_PASSWORD: KAFKA_USER.password,
  KAFKA_TLS: 'false',
});

const valuesOf = async (topic: string): Promise<string[]> =>
  (await broker().recordsOf(topic)).map(({ value }) => value);

const HOUR_MS = 3_600_000;

describe.skipIf(!started?.isOwn)('a topic that bounds the time of its records', () => {
  const BOUND_MS = 600_000;
  const configs = {
    'message.timestamp.before.max.ms': String(BOUND_MS),
    'message.timestamp.after.max.ms': String(BOUND_MS),
  };

  it.each([
    ['behind', -HOUR_MS],
    ['ahead', HOUR_MS],
  ])(
    'takes the batch once the clock that was %s is right, and refuses nothing',
    async (_, offset) => {
      const topic = await newTopic(configs);
      const sink = await createOpen({ KAFKA_TOPIC: topic });
      const batch = storedEvents(20);
      const now = Date.now.bind(Date);
      const clock = vi.spyOn(Date, 'now').mockImplementation(() => now() + offset);
      for (const attempt of [1, 2]) {
        expect(await failureOf(sink.write(batch)), `attempt ${attempt}`).toMatchObject({
          name: 'RetryableSinkError',
          message: expect.stringMatching(
            /clocks.*message\.timestamp\.before\.max\.ms.*error code 32/,
          ),
        });
      }

      clock.mockRestore();
      await sink.write(batch);
      await sink.write(storedEvents(1, 20));

      const records = await broker().recordsOf(topic);
      expect(records).toHaveLength(21);
      expect(records.slice(0, 20).map(({ value }) => value)).toEqual(jsonOf(batch));
      expect(Math.max(...records.map(({ timestamp }) => Math.abs(timestamp - now())))).toBeLessThan(
        BOUND_MS,
      );
    },
  );

  it.each([
    ['did not reach it', 0],
    ['it has, without its answer', 1],
  ])('has a batch once that %s before an outage beyond the bound', async (_, share) => {
    const boundMs = 10_000;
    const topic = await newTopic({ 'message.timestamp.before.max.ms': String(boundMs) });
    const [host = '', port] = broker().address('PROXIED').split(':');
    const proxy = new TcpProxy({ host, port: Number(port) });
    proxy.port = proxyPort;
    await proxy.open();
    onTestFinished(() => proxy.close());
    const sink = await createOpen({ KAFKA_BROKERS: `127.0.0.1:${proxyPort}`, KAFKA_TOPIC: topic });
    await writeUntilDone(sink, storedEvents(5));
    const batch = storedEvents(20, 5);
    proxy.cutOnce((piece) => ({ bytes: piece.length * share }));
    await failureOf(sink.write(batch));
    await expect.poll(() => broker().endsOf(topic, 1)).toEqual([5 + batch.length * share]);

    await sleep(boundMs + 500);
    await writeUntilDone(sink, batch);
    await writeUntilDone(sink, storedEvents(5, 25));

    expect(
      (await valuesOf(topic)).map(
        (value) => (JSON.parse(value) as { props: { n: number } }).props.n,
      ),
    ).toEqual([...Array(30).keys()]);
  });
});

describe.skipIf(!started?.isOwn)('a topic that gets more partitions', () => {
  it('has records in them half a minute later, each once', async () => {
    const topic = await newTopic();
    const sink = await createOpen({ KAFKA_TOPIC: topic });
    const [before, between, after, last] = [0, 40, 80, 120].map((first) => storedEvents(40, first));
    await sink.write(before ?? []);
    await broker().addPartitions(topic, 8);
    await sink.write(between ?? []);
    expect(await broker().endsOf(topic, 8)).toEqual([80, 0, 0, 0, 0, 0, 0, 0]);

    const now = performance.now.bind(performance);
    vi.spyOn(performance, 'now').mockImplementation(() => now() + 30_000);
    await sink.write(after ?? []);
    await sink.write(last ?? []);

    const ends = await broker().endsOf(topic, 8);
    expect(ends.filter((end) => end > 0).length).toBeGreaterThan(1);
    expect((await valuesOf(topic)).toSorted()).toEqual(
      jsonOf([before, between, after, last].flatMap((batch) => batch ?? [])).toSorted(),
    );
  });
});

describe.skipIf(!started?.isOwn)('a login', () => {
  it.each(
    ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) =>
      ['o,n,e', '=two=', 'a=1,b=2,c==,', ',=2C=3D,', 'u s,e r, ='].map((name) => [mechanism, name]),
    ),
  )('by %s takes the name "%s"', async (mechanism = '', name = '') => {
    const topic = await newTopic();
    const password = 'p,a=s,s';
    await broker().addUser(name, password);
    const sink = createSink({
      ...login(),
      KAFKA_SASL_MECHANISM: mechanism,
      KAFKA_SASL_USER: name,
      KAFKA_SASL_PASSWORD: password,
      KAFKA_TOPIC: topic,
    });

    // The brokers learn of a user a little later.
    await expect.poll(() => sink.open().then(() => 'open', String)).toBe('open');
    await sink.write(storedEvents(1));

    expect(await valuesOf(topic)).toHaveLength(1);
  });

  it('at a listener that takes none says so, and what to do', async () => {
    const sink = createSink({ ...login(), KAFKA_BROKERS: broker().address('PLAIN') });

    for (const failure of [await failureOf(sink.open()), await failureOf(sink.check())]) {
      expect(failure).toMatchObject({
        errorType: 'auth',
        message: expect.stringMatching(
          /takes no login.*KAFKA_SASL_USER.*\(ILLEGAL_SASL_STATE, error code 34\)/,
        ),
      });
    }
  });

  it('that may not write fails until it may, and nothing is refused', async () => {
    const topic = await newTopic();
    await broker().grant(topic, ['DESCRIBE']);
    const sink = await createOpen({ ...login(), KAFKA_TOPIC: topic });
    const [batch, first] = [storedEvents(10), storedEvents(1, 1000)];
    // The brokers learn of it a little later, and take it until then.
    await expect
      .poll(() => failureOf(sink.write(first)))
      .toMatchObject({
        name: 'RetryableSinkError',
        errorType: 'auth',
        message: expect.stringMatching(
          /grant WRITE.*\(TOPIC_AUTHORIZATION_FAILED, error code 29\)/,
        ),
      });

    await broker().grant(topic, ['WRITE']);
    await writeUntilDone(sink, batch);

    const values = await valuesOf(topic);
    expect(values.filter((value) => !jsonOf(first).includes(value))).toEqual(jsonOf(batch));
  });
});

describe.skipIf(!started?.isOwn)('a topic that', () => {
  it('has segments smaller than an event refuses that event alone', async () => {
    const topic = await newTopic({ 'segment.bytes': '1048576', 'max.message.bytes': '4000000' });
    const sink = await createOpen({ KAFKA_TOPIC: topic });
    const batch = storedEvents(3);
    batch.splice(1, 1, storedEvent(1, 'x'.repeat(2_000_000)));

    const error = await sink.write(batch).catch((reason: unknown) => reason);

    expect(error).toBeInstanceOf(RejectedEventsError);
    const { rejections } = error as RejectedEventsError;
    expect([...rejections.keys()]).toEqual([1]);
    expect(rejections.get(1)).toContain('(RECORD_LIST_TOO_LARGE, error code 18)');
    expect(await valuesOf(topic)).toHaveLength(2);
  });

  it("is the cluster's own refuses no event, and says which variable names it", async () => {
    const sink = createSink({ KAFKA_TOPIC: '__cluster_metadata' });

    expect(await failureOf(sink.write(storedEvents(2)))).toMatchObject({
      name: 'RetryableSinkError',
    });
    await sink.open().catch(() => undefined);
    expect(await failureOf(sink.write(storedEvents(2)))).toMatchObject({
      name: 'RetryableSinkError',
      message: expect.stringContaining('KAFKA_TOPIC'),
    });
  });
});
