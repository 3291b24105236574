import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { until } from '../support/servers/collector.js';
import { freePort } from '../support/servers/free-port.js';

let directory: string;
let child: ChildProcess | undefined;
let broker: Server | undefined;

const asked = async (): Promise<string[]> =>
  (await readFile(join(directory, 'asked'), 'utf8').catch(() => '')).split('\n').filter(Boolean);

async function program(name: string, text: string): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, `#!/usr/bin/env bash\n${text}\n`);
  await chmod(path, 0o755);
  return path;
}

/** The script of the container, with other programs in the place of Kafka's and another port. */
async function start(
  port: number,
  tool: string,
  environment: Record<string, string> = { TOPICS: 'some.events:3' },
): Promise<ChildProcess> {
  const shipped = await readFile('config/kafka/start-kafka.sh', 'utf8');
  const run = await program('run', 'exec sleep 600');
  const topics = await program('kafka-topics.sh', tool);
  const script = shipped
    .replace('/opt/kafka/bin/kafka-topics.sh', topics)
    .replace('/etc/kafka/docker/run', run)
    .replace('/tmp/topics-created', join(directory, 'topics-created'))
    .replaceAll('9092', String(port));
  const path = await program('start-kafka.sh', script);
  const env = { ...process.env, ...environment };
  // A group of its own: what waits for the broker outlives the script's first process.
  child = spawn('bash', [path], { env, detached: true });
  return child;
}

function killGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch (error) {
    // Nothing of it is left.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') {
      throw error;
    }
  }
}

async function listen(port: number): Promise<void> {
  broker = createServer().listen(port, '127.0.0.1');
  await once(broker, 'listening');
  expect((broker.address() as AddressInfo).port).toBe(port);
}

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gotrack-start-kafka-'));
});
afterEach(async () => {
  if (child?.pid !== undefined) {
    const hasEnded = child.exitCode !== null || child.signalCode !== null;
    const closed = hasEnded ? undefined : once(child, 'close');
    killGroup(child.pid);
    await closed;
  }
  broker?.close();
  await rm(directory, { recursive: true, force: true });
});

it('creates the topic once the broker takes requests, and again when that fails', async () => {
  const port = await freePort();
  // It fails the first time.
  await start(port, `echo "$@" >> ${directory}/asked; [ $(wc -l < ${directory}/asked) -ge 2 ]`);
  expect(await asked()).toEqual([]);
  await listen(port);

  await until(async () => (await asked()).length === 2);
  for (const line of await asked()) {
    expect(line.split(' ').toSorted()).toEqual([
      `--bootstrap-server=localhost:${port}`,
      '--create',
      '--if-not-exists',
      '--partitions=3',
      '--replication-factor=1',
      '--topic=some.events',
    ]);
  }
});

it('creates several, each with its partitions and all with so many replicas, and says when it has', async () => {
  const port = await freePort();
  // The second is not there at once.
  await start(port, `echo "$@" >> ${directory}/asked; [ $(wc -l < ${directory}/asked) -ne 2 ]`, {
    TOPICS: 'the.queue:12 some.events:3',
    REPLICAS: '3',
  });
  await listen(port);

  await until(async () => existsSync(join(directory, 'topics-created')));
  const made = (await asked()).map((line) => line.split(' ').filter((each) => /=(?!l)/.test(each)));
  const queue = ['--topic=the.queue', '--partitions=12', '--replication-factor=3'];
  const events = ['--topic=some.events', '--partitions=3', '--replication-factor=3'];
  expect(made).toEqual([queue, events, queue, events]);
});

it('is Kafka itself for the signals that Docker sends', async () => {
  const started = await start(await freePort(), 'exit 1');
  await until(async () =>
    (await readFile(`/proc/${started.pid}/cmdline`, 'utf8')).startsWith('sleep\0'),
  );
  started.kill('SIGTERM');
  await once(started, 'exit');
  expect(started.signalCode).toBe('SIGTERM');
});
