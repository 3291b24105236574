import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { RecordingObserver } from '../../test/support/fakes/recording-observer.js';
import { ScriptedSink } from '../../test/support/fakes/scripted-sink.js';
import { DeadLetterRequests } from '../disk/dead-letter-requests.js';
import { DeadLetterFiles } from './dead-letters/dead-letter-files.js';
import { DeadLetters } from './dead-letters/dead-letters.js';
import { EmbeddedQueue } from '../queueing/embedded/embedded-queue.js';
import { Lanes } from './lanes.js';
import { DeliveryOptions } from './delivery.options.js';

const MIB = 1024 * 1024;

const sizes = (sink: ScriptedSink): number[] => sink.attempts.map(({ length }) => length);

it('gives each sink batches within its own bounds, or those of all', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'gotrack-lanes-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const observer = new RecordingObserver();
  const [common, particular] = [new ScriptedSink(), new ScriptedSink()];
  const queue = await EmbeddedQueue.open(
    { directory: join(directory, 'queue'), maxBytes: 64 * MIB, sinks: ['common', 'particular'] },
    observer,
  );
  const options = Object.assign(new DeliveryOptions(), { batchSize: 4, flushIntervalMs: 1 });
  const lanes = new Lanes(
    options,
    [
      { source: queue.reader('common'), sink: common, bounds: undefined },
      {
        source: queue.reader('particular'),
        sink: particular,
        bounds: { maxEvents: 3, lingerMs: 1 },
      },
    ],
    queue,
    new DeadLetters(
      new DeadLetterFiles(join(directory, 'dead'), MIB),
      new DeadLetterRequests(join(directory, 'dead')),
    ),
    observer,
  );
  await queue.append(Array.from({ length: 10 }, (_, n) => Buffer.from(String(n))));

  lanes.onApplicationBootstrap();
  lanes.beforeApplicationShutdown();
  await lanes.onApplicationShutdown();

  expect(sizes(common)).toEqual([4, 4, 2]);
  expect(sizes(particular)).toEqual([3, 3, 3, 1]);
});
