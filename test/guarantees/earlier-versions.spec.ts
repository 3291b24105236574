import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { ledgerOf } from '../../src/delivery/accounting.js';
import type { Account, BatchSource } from '../../src/queueing/event-queue.js';
import { EmbeddedQueue } from '../../src/queueing/embedded/embedded-queue.js';
import { queueStatus } from '../../src/queueing/embedded/queue-status.js';
import { RecordingObserver } from '../support/fakes/recording-observer.js';

const BOUNDS = { maxEvents: 500, maxBytes: 1_000_000, lingerMs: 0 };
const SINKS = ['log', 'kafka'];
const observer = new RecordingObserver();

const LOG_LEDGER = {
  accepted: 15,
  delivered: 8,
  queued: 2,
  deadLettered: 1,
  purged: 1,
  corrupt: 3,
};
const KAFKA_LEDGER = {
  accepted: 15,
  delivered: 3,
  queued: 12,
  deadLettered: 0,
  purged: 0,
  corrupt: 0,
};

async function copyOf(version: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'gotrack-earlier-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  await cp(`test/fixtures/queue-${version}/queue`, directory, { recursive: true });
  return directory;
}

const unchanged = (account: Account): Account => account;
const ledger = ({ progress, account }: BatchSource): unknown => ledgerOf(progress, account);
const event = (n: number): string => `{"event_id":"e${n}","type":"pageview","props":{"text":"ü"}}`;

async function deliverAll(reader: BatchSource): Promise<Record<number, string>> {
  const delivered: Record<number, string> = {};
  while (reader.depth > 0) {
    const batch = await reader.read(BOUNDS, new AbortController().signal);
    for (const { position, json } of batch.events) {
      delivered[position] = json.toString();
    }
    await reader.commit(batch.end, unchanged);
  }
  return delivered;
}

it('opens a queue of 0.1.0 unchanged: each ledger, the replay under way, and every event', async () => {
  const directory = await copyOf('0.1.0');
  const damaged = await readFile(join(directory, 'damaged', '7.bin'));

  const { sinks } = await queueStatus(directory);
  expect(
    Object.fromEntries(
      sinks.map(({ sink, progress, account }) => [sink, ledgerOf(progress, account)]),
    ),
  ).toEqual({ log: LOG_LEDGER, kafka: KAFKA_LEDGER });

  const first = await EmbeddedQueue.open(
    { directory, maxBytes: 1024 * 1024, sinks: SINKS },
    observer,
  );
  const [log, kafka] = [first.reader('log'), first.reader('kafka')];
  expect(ledger(log)).toEqual(LOG_LEDGER);
  expect(log.account).toEqual({
    deadLettered: 1,
    purged: 1,
    replay: { file: 'log.1764000000000.replay', offset: 120, remaining: 1, queued: 1 },
  });
  expect(ledger(kafka)).toEqual(KAFKA_LEDGER);
  expect(kafka.account).toEqual({ deadLettered: 0, purged: 0 });

  await first.append([Buffer.from(event(15))]);
  expect(await deliverAll(log)).toEqual({ 14: event(14), 15: event(15) });
  expect(await deliverAll(kafka)).toEqual(
    Object.fromEntries([3, 4, 5, 6, 10, 11, 12, 13, 14, 15].map((n) => [n, event(n)])),
  );
  await first.close();

  const second = await EmbeddedQueue.open(
    { directory, maxBytes: 1024 * 1024, sinks: SINKS },
    observer,
  );
  expect(ledger(second.reader('log'))).toEqual({
    ...LOG_LEDGER,
    accepted: 16,
    delivered: 10,
    queued: 1,
  });
  expect(ledger(second.reader('kafka'))).toEqual({
    ...KAFKA_LEDGER,
    accepted: 16,
    delivered: 13,
    queued: 0,
    corrupt: 3,
  });
  await second.close();
  expect(damaged.equals(await readFile(join(directory, 'damaged', '7.bin')))).toBe(true);
});
