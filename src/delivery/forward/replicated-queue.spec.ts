import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RecordingObserver } from '../../../test/support/fakes/recording-observer.js';
import { ScriptedSink } from '../../../test/support/fakes/scripted-sink.js';
import { DeadLetterRequests } from '../../disk/dead-letter-requests.js';
import { EmbeddedQueue } from '../../queueing/embedded/embedded-queue.js';
import { QueueRefusedError, QueueUnavailableError } from '../../queueing/event-queue.js';
import { RejectedEventsError, RetryableSinkError } from '../../sinks/sink.js';
import { DeadLetterFiles } from '../dead-letters/dead-letter-files.js';
import { DeadLetters } from '../dead-letters/dead-letters.js';
import { Lane } from '../lane.js';
import { ConfirmingSource } from './confirming-source.js';
import { ForwardOptions } from './forward.options.js';
import { ReplicatedQueue } from './replicated-queue.js';
import { Unconfirmed } from './unconfirmed.js';

const MIB = 1024 * 1024;
const LONG_MS = 60_000;
const SHORT_MS = 20;
const TOO_LARGE = 'an event of 70000 bytes is larger than the topic takes';

let directory: string;
let observer: RecordingObserver;
let topic: ScriptedSink;
let local: EmbeddedQueue;
let store: DeadLetterFiles;
let lane: Lane;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gotrack-forward-'));
  observer = new RecordingObserver();
  topic = new ScriptedSink();
  local = await openLocal();
});

afterEach(async () => {
  await lane.drain(AbortSignal.abort());
  await store.close();
  await local.close();
  await rm(directory, { recursive: true });
});

function openLocal(): Promise<EmbeddedQueue> {
  return EmbeddedQueue.open(
    { directory: join(directory, 'queue'), maxBytes: 64 * MIB, sinks: ['queue'] },
    observer,
  );
}

function open(given: Partial<ForwardOptions>): ReplicatedQueue {
  const options = Object.assign(new ForwardOptions(), given);
  const unconfirmed = new Unconfirmed(options.ackTimeoutMs);
  store = new DeadLetterFiles(join(directory, 'dead'), MIB);
  lane = new Lane(
    new ConfirmingSource(local.reader('queue'), unconfirmed),
    topic,
    { maxEvents: 500, maxBytes: 4 * MIB, lingerMs: 0 },
    new DeadLetters(store, new DeadLetterRequests(join(directory, 'dead'))),
    observer,
  );
  return new ReplicatedQueue(local, unconfirmed, options, observer, lane.sinkState);
}

/** What is written fails from now on, until what it returns is called. */
function takeAway(): () => void {
  topic.checkFailure = new RetryableSinkError('connection', 'no broker answers');
  topic.onWrite = () => {
    throw new RetryableSinkError('connection', 'no broker answers');
  };
  return () => {
    topic.checkFailure = undefined;
    topic.onWrite = () => {};
  };
}

const events = (...texts: string[]): Buffer[] => texts.map((text) => Buffer.from(`"${text}"`));
const until = (condition: () => boolean): Promise<void> =>
  vi.waitFor(() => expect(condition()).toBe(true), { interval: 5 });
const spilled = (): number => observer.total('eventsSpilled', 0);
const forwarded = (): Promise<void> => until(() => local.reader('queue').depth === 0);

/** A busy machine may need longer than the time that an append waits. */
const untilTaken = (queue: ReplicatedQueue, text: string): Promise<void> =>
  vi.waitFor(() => queue.append(events(text)), { interval: 5 });

/** Resolves with the outcome as it is by now. */
async function outcomeOf(append: Promise<void>): Promise<string> {
  await new Promise((resolve) => setTimeout(resolve, SHORT_MS));
  return Promise.race([
    append.then(
      () => 'resolved',
      () => 'rejected',
    ),
    Promise.resolve().then(() => 'waits'),
  ]);
}

describe('an append that is to be replicated', () => {
  it('resolves when the topic has its events, and not before', async () => {
    const queue = open({ ackTimeoutMs: LONG_MS });
    const write = Promise.withResolvers<void>();
    topic.onOpen = () => write.promise;
    lane.start();
    const append = queue.append(events('a', 'b'));
    await until(() => local.tail === 2);
    expect(await outcomeOf(append)).toBe('waits');
    expect(topic.stored).toEqual([]);
    write.resolve();
    await append;
    expect(topic.stored).toEqual(['"a"', '"b"']);
    expect(local.reader('queue').depth).toBe(0);
    expect(spilled()).toBe(0);
  });

  it('is told of its own refused event, and of nobody else', async () => {
    const queue = open({ ackTimeoutMs: LONG_MS });
    topic.onWrite = (texts) => {
      const index = texts.indexOf('"bad"');
      if (index >= 0) {
        topic.stored.push(...texts.filter((_, other) => other !== index));
        throw new RejectedEventsError(new Map([[index, TOO_LARGE]]), 'written');
      }
    };
    const outcomes = Promise.allSettled([
      queue.append(events('a')),
      queue.append(events('b', 'bad')),
      queue.append(events('c')),
    ]);
    lane.start();
    expect((await outcomes).map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
    ]);
    const [, refused] = await outcomes;
    expect(refused).toMatchObject({ reason: expect.any(QueueRefusedError) });
    await forwarded();
    expect(topic.stored).toEqual(['"a"', '"b"', '"c"']);
    expect(lane.accounting.ledger).toEqual({
      accepted: 4,
      delivered: 3,
      queued: 0,
      deadLettered: 0,
      purged: 1,
      corrupt: 0,
    });
    expect(observer.of('eventsDeadLettered')).toEqual([]);
  });

  it('fails with what the local queue says', async () => {
    const queue = open({ ackTimeoutMs: LONG_MS });
    lane.start();
    await lane.drain(AbortSignal.abort());
    await local.close();
    await expect(queue.append(events('a'))).rejects.toThrow(QueueUnavailableError);
    expect(queue.state).toBe('closed');
    local = await openLocal();
  });

  it('takes nothing at once', async () => {
    const queue = open({ ackTimeoutMs: LONG_MS });
    lane.start();
    await expect(queue.append([])).resolves.toBeUndefined();
  });
});

describe('while the topic is away, spill', () => {
  it('answers after the time, and counts what is on the local disk alone', async () => {
    const queue = open({ ackTimeoutMs: SHORT_MS });
    const giveBack = takeAway();
    lane.start();
    await queue.append(events('a', 'b'));
    expect(spilled()).toBe(2);
    expect(queue.state).toBe('accepting');
    giveBack();
    await forwarded();
    expect(topic.stored).toEqual(['"a"', '"b"']);
  });

  it('answers at once when it is known', async () => {
    const queue = open({ ackTimeoutMs: LONG_MS });
    const giveBack = takeAway();
    lane.start();
    const first = queue.append(events('a'));
    await until(() => lane.sinkState.state === 'down');
    await queue.append(events('b', 'c'));
    expect(spilled()).toBe(2);
    expect(await outcomeOf(first)).toBe('waits');
    giveBack();
    await first;
    await forwarded();
    expect(topic.stored).toEqual(['"a"', '"b"', '"c"']);
    await until(() => lane.sinkState.state === 'up');
    await queue.append(events('d'));
    expect(spilled()).toBe(2);
    expect(topic.stored).toContain('"d"');
  });

  it('keeps what the topic refuses afterwards among the dead letters', async () => {
    const queue = open({ ackTimeoutMs: SHORT_MS });
    const giveBack = takeAway();
    lane.start();
    await queue.append(events('bad'));
    giveBack();
    topic.onWrite = () => {
      throw new RejectedEventsError(new Map([[0, TOO_LARGE]]), 'written');
    };
    await forwarded();
    const kept = await readFile(join(directory, 'dead', 'queue.ndjson'), 'utf8');
    expect(JSON.parse(kept)).toMatchObject({ sink: 'queue', error: TOO_LARGE, event: 'bad' });
    expect(lane.accounting.ledger).toMatchObject({ deadLettered: 1, purged: 0, queued: 0 });
  });
});

describe('while the topic is away, refuse', () => {
  it('fails after the time, and stores nothing once it is known', async () => {
    const queue = open({ ackTimeoutMs: SHORT_MS, whenAway: 'refuse' });
    const giveBack = takeAway();
    lane.start();
    await expect(queue.append(events('a'))).rejects.toMatchObject({ reason: 'queue_away' });
    expect(local.tail).toBe(1);
    expect(queue.state).toBe('away');
    expect(queue.failure).toBeDefined();
    await expect(queue.append(events('b'))).rejects.toMatchObject({ reason: 'queue_away' });
    expect(local.tail).toBe(1);
    expect(spilled()).toBe(0);

    giveBack();
    await until(() => queue.state === 'accepting');
    expect(queue.failure).toBeUndefined();
    await untilTaken(queue, 'c');
    expect(new Set(topic.stored)).toEqual(new Set(['"a"', '"c"']));
  });

  it('stores nothing from the first event on when a check has found it', async () => {
    const queue = open({ ackTimeoutMs: LONG_MS, whenAway: 'refuse' });
    topic.checkFailure = new RetryableSinkError('other', 'fewer replicas in sync');
    lane.start();
    await until(() => queue.state === 'away');
    expect(queue.failure).toBe('fewer replicas in sync');
    await expect(queue.append(events('a'))).rejects.toThrow('fewer replicas in sync');
    expect(local.tail).toBe(0);
  });

  it('still takes what nobody waits for', async () => {
    const queue = open({ ackTimeoutMs: LONG_MS, whenAway: 'refuse' });
    topic.checkFailure = new RetryableSinkError('other', 'fewer replicas in sync');
    lane.start();
    await until(() => queue.state === 'away');
    await queue.store(events('a'));
    expect(local.tail).toBe(1);
    await forwarded();
  });
});

describe('an append that is local', () => {
  it('resolves on the disk, and the topic gets it later', async () => {
    const queue = open({ ack: 'local', whenAway: 'refuse' });
    const giveBack = takeAway();
    lane.start();
    await until(() => lane.sinkState.state === 'down');
    await queue.append(events('a'));
    expect(queue.state).toBe('accepting');
    expect(spilled()).toBe(0);
    giveBack();
    await forwarded();
    expect(topic.stored).toEqual(['"a"']);
  });
});
