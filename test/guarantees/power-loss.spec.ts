import { rename, rm } from 'node:fs/promises';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { balancedBooks } from '../support/load/books.js';
import { type Collector, inParallel, Workplace } from '../support/servers/collector.js';
import { RecordedFiles } from '../support/disk/crash-image.js';
import { type Exchange, sendEvent } from '../support/servers/send-event.js';
import {
  canTrace,
  contentOf,
  isWrite,
  readTrace,
  subjectOf,
  type SystemCall,
  traced,
} from '../support/disk/syscall-trace.js';
import { runs } from './runs.js';

const EVENTS = 600;
/** So small that segments are begun, filled and given back while it runs. */
const SETTINGS = {
  QUEUE_MAX_MB: '1',
  BATCH_SIZE: '20',
  FLUSH_INTERVAL_MS: '10',
  LOG_ROTATE_MB: '1',
};

let workplace: Workplace;

beforeEach(async () => {
  workplace = await Workplace.create();
});

afterEach(() => workplace.remove());

interface Recording {
  readonly files: RecordedFiles;
  readonly calls: readonly SystemCall[];
  /** Line of the trace at which an event was answered for → its id. */
  readonly answered: ReadonlyMap<number, string>;
  readonly sent: ReadonlySet<string>;
}

async function record(): Promise<Recording> {
  const trace = workplace.path('trace');
  const collector = await workplace.start(SETTINGS, traced(trace));
  const exchanges: Exchange[] = [];
  await inParallel(
    12,
    Array.from({ length: EVENTS }, (_, n) => async () => {
      exchanges.push(await sendEvent(collector, `e${n}`, n % 2 === 0 ? 'pixel' : 'collect', n * 2));
    }),
  );
  await collector.stop();

  const calls = await readTrace(trace);
  const answers = new Map(
    calls
      .filter(
        (call) => isWrite(call) && /^HTTP\/1\.1 20[02] /.test(contentOf(call).toString('latin1')),
      )
      .map((call) => [Number(/:(\d+)\]$/.exec(subjectOf(call))?.[1]), call.entered]),
  );
  const answered = new Map(
    exchanges.map(({ id, clientPort }) => [answers.get(clientPort) ?? Number.NaN, id]),
  );
  expect(answered.size).toBe(EVENTS);
  return {
    files: new RecordedFiles(calls, workplace.path('data'), workplace.directory),
    calls,
    answered,
    sent: new Set(exchanges.map(({ id }) => id)),
  };
}

/** Whatever the log sink has of the events, once everything that the queue still holds is delivered. */
async function recovered(): Promise<ReadonlySet<string>> {
  const collector: Collector = await workplace.start(SETTINGS);
  await collector.drained();
  const { sinks } = await balancedBooks(collector);
  await collector.kill();
  const found = new Set((await workplace.logged()).map(({ event_id }) => event_id));
  // A torn block that was answered to nobody may count as corrupt.
  expect(sinks.get('log')).toMatchObject({ delivered: found.size, queued: 0 });
  return found;
}

describe.skipIf(!canTrace)('a power cut', () => {
  it(
    'at any moment loses nothing that was answered, and invents nothing',
    { timeout: runs(600_000, 1_800_000) },
    async () => {
      const { files, calls, answered, sent } = await record();
      const last = Math.max(...calls.map(({ returned }) => returned));
      await rename(workplace.path('data'), workplace.path('data-at-the-end'));

      await fc.assert(
        fc.asyncProperty(
          fc.integer({ min: Math.floor(last / 3), max: last + 1 }),
          fc.infiniteStream(fc.boolean()),
          async (cut, chances) => {
            await rm(workplace.path('data'), { recursive: true, force: true });
            await files.writeImage(
              workplace.path('data'),
              cut,
              () => chances.next().value ?? false,
            );

            const found = await recovered();

            const promised = Array.from(answered).filter(([line]) => line < cut);
            expect(promised.filter(([, id]) => !found.has(id))).toEqual([]);
            expect([...found].filter((id) => !sent.has(id))).toEqual([]);
          },
        ),
        { numRuns: runs(12, 300), endOnFailure: true },
      );
    },
  );
});
