import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { SASL_MECHANISMS } from '../../src/kafka/kafka-connection.options.js';
import type { KafkaSink } from '../../src/sinks/kafka/kafka-sink.js';
import { COMPRESSIONS } from '../../src/sinks/kafka/kafka.options.js';
import { RejectedEventsError, RetryableSinkError } from '../../src/sinks/sink.js';
import { freePort } from '../support/servers/free-port.js';
import { KafkaBroker } from '../support/servers/kafka-broker.js';
import { KAFKA_USER } from '../support/servers/kafka-properties.js';
import { uniqueName } from '../support/servers/postgres-server.js';
import { createServerCertificate } from '../support/servers/server-certificate.js';
import { TcpProxy } from '../support/servers/tcp-proxy.js';
import { kafkaSinkOf, type Variables, writeUntilDone } from './kafka-sinks.js';
import {
  describeSinkContract,
  failureOf,
  jsonOf,
  type SinkTarget,
  storedEvent,
  storedEvents,
} from './sink-contract.js';

const proxyPort = await freePort();
const started = await KafkaBroker.start({ proxyPort });
afterAll(() => started?.stop());

function broker(): KafkaBroker {
  if (!started) {
    throw new Error('there is no broker');
  }
  return started;
}

const createUnclosed = (variables: Variables): KafkaSink => kafkaSinkOf(broker(), variables);

function createSink(variables: Variables): KafkaSink {
  const sink = createUnclosed(variables);
  onTestFinished(() => sink.close());
  return sink;
}

async function createOpen(variables: Variables): Promise<KafkaSink> {
  const sink = createSink(variables);
  await sink.open();
  return sink;
}

async function newTopic(partitions = 1, configs: Record<string, string> = {}): Promise<string> {
  const topic = uniqueName('events');
  await broker().createTopic(topic, { partitions, configs });
  return topic;
}

/** On the way that leads through a proxy: for clients of the listener `PROXIED`. */
async function openProxy(): Promise<TcpProxy> {
  const [host = '', port] = broker().address('PROXIED').split(':');
  const proxy = new TcpProxy({ host, port: Number(port) });
  proxy.port = proxyPort;
  await proxy.open();
  return proxy;
}

const valuesOf = async (topic: string): Promise<string[]> =>
  (await broker().recordsOf(topic)).map(({ value }) => value);

const TOPIC_BYTES = 100_000;

async function createTarget(): Promise<SinkTarget> {
  const proxy = await openProxy();
  const topic = await newTopic(1, { 'max.message.bytes': String(TOPIC_BYTES) });
  return {
    createSink: () =>
      createUnclosed({ KAFKA_BROKERS: `127.0.0.1:${proxyPort}`, KAFKA_TOPIC: topic }),
    readStored: () => valuesOf(topic),
    makeUnavailable: () => proxy.close(),
    makeAvailable: () => proxy.open(),
    async remove() {
      await proxy.close();
      await broker().deleteTopic(topic);
    },
  };
}

describe.skipIf(!started?.isOwn)('through a broken way to Kafka', () => {
  describeSinkContract('the kafka sink', {
    createTarget,
    refusedJson: storedEvent(0, 'x'.repeat(TOPIC_BYTES)).json.toString(),
  });

  it('a batch whose answer is lost stands there once, in order, wherever it is cut', async () => {
    const proxy = await openProxy();
    onTestFinished(() => proxy.close());
    const topic = await newTopic(3);
    const sink = await createOpen({
      KAFKA_BROKERS: `127.0.0.1:${proxyPort}`,
      KAFKA_TOPIC: topic,
    });
    const batches = Array.from({ length: 12 }, (_, n) => storedEvents(300, n * 300));
    await sink.write(batches[0] ?? []);
    let cuts = 0;
    for (const [n, batch] of batches.slice(1).entries()) {
      // Every other time the broker gets all of it, and its answer has nowhere to go.
      proxy.cutOnce((piece) => {
        cuts += 1;
        return { bytes: n % 2 === 0 ? piece.length : Math.floor(Math.random() * piece.length) };
      });
      await writeUntilDone(sink, batch);
    }

    expect(cuts).toBe(11);
    const records = await broker().recordsOf(topic);
    const positions = records.map(
      ({ value }) => (JSON.parse(value) as { props: { n: number } }).props.n,
    );
    expect(positions.toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 3600 }, (_, index) => index),
    );
    for (const partition of [0, 1, 2]) {
      const there = positions.filter((_, index) => records[index]?.partition === partition);
      expect(there).toEqual(there.toSorted((a, b) => a - b));
    }
  });

  it('loses and doubles nothing when the broker is killed and comes back', async () => {
    const topic = await newTopic(2);
    const sink = await createOpen({ KAFKA_TOPIC: topic });
    const batches = Array.from({ length: 60 }, (_, n) => storedEvents(100, n * 100));
    const writing = (async () => {
      for (const batch of batches) {
        await writeUntilDone(sink, batch);
      }
    })();
    await broker().halt('SIGKILL');
    expect(await failureOf(sink.check())).toMatchObject({ errorType: 'connection' });
    await broker().resume();
    await writing;

    expect((await valuesOf(topic)).toSorted()).toEqual(jsonOf(batches.flat()).toSorted());
    await sink.check();
  });
});

describe.skipIf(!started)('on Kafka', () => {
  it('an event is a record: its id is the key, its JSON the value, its type a header', async () => {
    const topic = await newTopic();
    const sink = await createOpen({ KAFKA_TOPIC: topic });
    const [event, odd] = [storedEvent(0), { position: 1, json: Buffer.from('{"props":{"n":1}}') }];

    await sink.write([event, odd]);

    const { event_id: key } = JSON.parse(event.json.toString()) as { event_id: string };
    expect(await broker().recordsOf(topic)).toEqual([
      {
        partition: 0,
        key,
        value: event.json.toString(),
        headers: { schema: 'v1', event_type: 'pageview' },
        timestamp: expect.any(Number),
      },
      {
        partition: 0,
        key: undefined,
        value: odd.json.toString(),
        headers: { schema: 'v1' },
        timestamp: expect.any(Number),
      },
    ]);
  });

  it.each(COMPRESSIONS)('a batch compressed with %s can be read', async (compression) => {
    const topic = await newTopic();
    const sink = await createOpen({ KAFKA_TOPIC: topic, KAFKA_COMPRESSION: compression });
    const batch = storedEvents(500);

    await sink.write(batch);

    expect(await valuesOf(topic)).toEqual(jsonOf(batch));
  });

  it.each(['1', '0'])('a batch arrives with KAFKA_ACKS=%s', async (acks) => {
    const topic = await newTopic();
    const sink = await createOpen({ KAFKA_TOPIC: topic, KAFKA_ACKS: acks });
    const batch = storedEvents(10);

    await sink.write(batch);

    await expect.poll(() => valuesOf(topic)).toEqual(jsonOf(batch));
  });

  it('goes to the partition that every Kafka client finds for the key', async () => {
    const topic = await newTopic(7);
    const sink = await createOpen({ KAFKA_TOPIC: topic });
    // From org.apache.kafka.common.utils.Utils: toPositive(murmur2(key)) % 7.
    const partitions = { 'order-1': 4, 'order-2': 1, żółć: 2, a: 5 };
    const batch = Object.keys(partitions).map((event_id, position) => ({
      position,
      json: Buffer.from(JSON.stringify({ event_id })),
    }));

    await sink.write(batch);

    const found = (await broker().recordsOf(topic)).map(({ key, partition }) => [key, partition]);
    expect(Object.fromEntries(found)).toEqual(partitions);
  });

  it("an event that is larger than the topic takes is refused alone, with the server's reason", async () => {
    const topic = await newTopic(3, { 'max.message.bytes': '20000' });
    const sink = await createOpen({ KAFKA_TOPIC: topic });
    const batch = storedEvents(500);
    batch.splice(100, 1, storedEvent(100, 'x'.repeat(30_000)));

    const error = await sink.write(batch).catch((reason: unknown) => reason);

    expect(error).toBeInstanceOf(RejectedEventsError);
    const { rejections, others } = error as RejectedEventsError;
    expect([...rejections.keys()]).toEqual([100]);
    expect(rejections.get(100)).toMatch(
      /^Kafka says: .*max\.message\.bytes.*\(MESSAGE_TOO_LARGE, error code 10\)/,
    );
    expect(others).toBe('written');
    expect((await valuesOf(topic)).toSorted()).toEqual(
      jsonOf(batch.filter((_, index) => index !== 100)).toSorted(),
    );
  });

  it('a record that the topic calls invalid is refused alone', async () => {
    const topic = await newTopic(1, { 'cleanup.policy': 'compact' });
    const sink = await createOpen({ KAFKA_TOPIC: topic });
    const keyless = { position: 1, json: Buffer.from('{"props":{}}') };
    const [first, last] = [storedEvent(0), storedEvent(2)];

    const error = await sink.write([first, keyless, last]).catch((reason: unknown) => reason);

    expect(error).toBeInstanceOf(RejectedEventsError);
    const { rejections } = error as RejectedEventsError;
    expect([...rejections.keys()]).toEqual([1]);
    expect(rejections.get(1)).toMatch(/error code 87/);
    expect(await valuesOf(topic)).toEqual(jsonOf([first, last]));
  });

  it('waits for a topic that is missing, and writes once it is created', async () => {
    const topic = uniqueName('late');
    const sink = createSink({ KAFKA_TOPIC: topic });
    const batch = storedEvents(20);
    expect(await failureOf(sink.open())).toMatchObject({
      errorType: 'other',
      message: expect.stringContaining('does not exist'),
    });
    expect((await failureOf(sink.check())).message).toContain('KAFKA_TOPIC');

    await broker().createTopic(topic);
    await expect.poll(() => sink.open().then(() => 'open', String)).toBe('open');
    await writeUntilDone(sink, batch);
    await broker().deleteTopic(topic);
    await expect
      .poll(() => sink.write(storedEvents(1)).then(() => 'written', String))
      .toContain('does not exist');
    await broker().createTopic(topic);
    await writeUntilDone(sink, batch);

    expect(await valuesOf(topic)).toEqual(expect.arrayContaining(jsonOf(batch)));
  });

  it('says that a broker which does not answer does not answer, in bounded time', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1');
    onTestFinished(() => void silent.close());
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const sink = createSink({ KAFKA_BROKERS: `127.0.0.1:${port}` });

    expect(await failureOf(sink.check())).toMatchObject({ errorType: 'timeout' });
    expect(await failureOf(sink.open())).toMatchObject({ errorType: 'timeout' });
  });

  it('asks the next broker when one is down', async () => {
    const topic = await newTopic();
    const sink = createSink({
      KAFKA_BROKERS: `127.0.0.1:${await freePort()},${broker().address()}`,
      KAFKA_TOPIC: topic,
    });

    await sink.check();
    await sink.open();
    await sink.write(storedEvents(5));

    expect(await valuesOf(topic)).toHaveLength(5);
  });

  it('can be closed while it writes', async () => {
    const topic = await newTopic();
    const sink = await createOpen({ KAFKA_TOPIC: topic });
    const batch = storedEvents(5000);
    const outcome = sink.write(batch).then(
      () => 'written',
      (error: unknown) => error,
    );

    await sink.close();

    const result = await outcome;
    if (result !== 'written') {
      expect(result).toBeInstanceOf(RetryableSinkError);
    }
  });
});

describe.skipIf(!started?.isOwn)('on Kafka with TLS and passwords', () => {
  let directory: string;
  let ca: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'gotrack-kafka-sink-'));
    ca = broker().certificate ?? '';
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  const login = (mechanism: string): Variables => ({
    KAFKA_SASL_MECHANISM: mechanism,
    KAFKA_SASL_USER: KAFKA_USER.name,
    KAFKA_SASL_PASSWORD: KAFKA_USER.password,
  });

  it.each(SASL_MECHANISMS)('logs in with %s over TLS', async (mechanism) => {
    const topic = await newTopic();
    const sink = await createOpen({
      ...login(mechanism),
      KAFKA_BROKERS: broker().address('SECURE'),
      KAFKA_TLS_CA: ca,
      KAFKA_TOPIC: topic,
    });

    await sink.write(storedEvents(10));
    await sink.check();

    expect(await valuesOf(topic)).toHaveLength(10);
  });

  it('logs in without TLS where that is asked for', async () => {
    const topic = await newTopic();
    const sink = await createOpen({
      ...login('SCRAM-SHA-256'),
      KAFKA_BROKERS: broker().address('LOGIN'),
      KAFKA_TLS: 'false',
      KAFKA_TOPIC: topic,
    });

    await sink.write(storedEvents(1));

    expect(await valuesOf(topic)).toHaveLength(1);
  });

  it('reads the password again for a new connection', async () => {
    const file = join(directory, 'password');
    await writeFile(file, 'outdated\n');
    const topic = await newTopic();
    const sink = createSink({
      ...login('SCRAM-SHA-512'),
      KAFKA_SASL_PASSWORD: '',
      KAFKA_SASL_PASSWORD_FILE: file,
      KAFKA_BROKERS: broker().address('SECURE'),
      KAFKA_TLS_CA: ca,
      KAFKA_TOPIC: topic,
    });
    await failureOf(sink.open());

    await writeFile(file, KAFKA_USER.password);

    await sink.open();
    await sink.write(storedEvents(1));
    expect(await valuesOf(topic)).toHaveLength(1);
  });

  it.each(SASL_MECHANISMS)(
    'says that a password is wrong, and not which, with %s',
    async (mechanism) => {
      const sink = createSink({
        ...login(mechanism),
        KAFKA_SASL_PASSWORD: 'hunter2',
        KAFKA_BROKERS: broker().address('SECURE'),
        KAFKA_TLS_CA: ca,
      });

      for (const failure of [await failureOf(sink.open()), await failureOf(sink.check())]) {
        expect(failure.errorType).toBe('auth');
        expect(failure.message).not.toContain('hunter2');
      }
    },
  );

  it('trusts the authority it is given, and nobody else', async () => {
    const stranger = createServerCertificate(directory, 'stranger');
    const topic = await newTopic();
    const variables = { KAFKA_BROKERS: broker().address('TLS'), KAFKA_TOPIC: topic };

    const trusting = await createOpen({ ...variables, KAFKA_TLS_CA: ca });
    await trusting.write(storedEvents(1));
    const wary = createSink({ ...variables, KAFKA_TLS_CA: stranger.cert });
    expect(await failureOf(wary.open())).toMatchObject({
      errorType: 'connection',
      message: expect.stringMatching(/certificate/),
    });
    const careless = await createOpen({
      ...variables,
      KAFKA_TLS: 'true',
      KAFKA_TLS_SKIP_VERIFY: 'true',
    });
    await careless.write(storedEvents(1));

    expect(await valuesOf(topic)).toHaveLength(2);
  });

  it('says which file holds no certificate', async () => {
    const empty = join(directory, 'empty.pem');
    await writeFile(empty, '');
    const sink = createSink({ KAFKA_BROKERS: broker().address('TLS'), KAFKA_TLS_CA: empty });

    expect((await failureOf(sink.open())).message).toContain('KAFKA_TLS_CA');
  });
});

describe.skipIf(!started?.isOwn)('on a Kafka that creates topics', () => {
  it('has its topic created', async () => {
    const creating = await KafkaBroker.start({ createsTopics: true });
    if (!creating) {
      throw new Error('no second broker could be started');
    }
    onTestFinished(() => creating.stop());
    const topic = uniqueName(`new-${randomUUID()}`);
    const sink = createSink({ KAFKA_BROKERS: creating.address(), KAFKA_TOPIC: topic });
    // A partition of a new topic has no leader for a moment; a lane tries again, too. One event goes to one partition.
    const batch = storedEvents(1);
    const write = async (): Promise<string> => {
      await sink.open();
      await sink.write(batch);
      return 'written';
    };
    await expect.poll(() => write().catch(String)).toBe('written');

    expect(await creating.recordsOf(topic)).toHaveLength(1);
  });
});
