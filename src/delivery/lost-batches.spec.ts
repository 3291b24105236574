import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RecordingObserver } from '../../test/support/fakes/recording-observer.js';
import { ScriptedSink } from '../../test/support/fakes/scripted-sink.js';
import { ScriptedSource } from '../../test/support/fakes/scripted-source.js';
import { DeadLetterRequests } from '../disk/dead-letter-requests.js';
import { RejectedBatchError, RetryableSinkError } from '../sinks/sink.js';
import { DeadLetterFiles } from './dead-letters/dead-letter-files.js';
import { DeadLetters } from './dead-letters/dead-letters.js';
import { Lane } from './lane.js';

const MIB = 1024 * 1024;

let directory: string;
let source: ScriptedSource;
let sink: ScriptedSink;
let store: DeadLetterFiles;
let lane: Lane;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gotrack-lost-'));
  source = new ScriptedSource();
  sink = new ScriptedSink();
  store = new DeadLetterFiles(join(directory, 'dead'), MIB);
  const requests = new DeadLetterRequests(join(directory, 'dead'));
  const bounds = { maxEvents: 500, maxBytes: 4 * MIB, lingerMs: 1, judgedOverMs: 200 };
  const observer = new RecordingObserver();
  lane = new Lane(source, sink, bounds, new DeadLetters(store, requests), observer);
  lane.start();
});

afterEach(async () => {
  await lane.drain(AbortSignal.abort());
  await store.close();
  await rm(directory, { recursive: true });
});

const until = (condition: () => boolean): Promise<void> =>
  vi.waitFor(() => expect(condition()).toBe(true), { interval: 5 });

describe('Lane, when what it has read is given to another member', () => {
  it('tries the batch no more, commits nothing of it, and delivers the next one', async () => {
    sink.onWrite = (texts) => {
      if (texts.includes('"lost"')) {
        throw new RetryableSinkError('connection', 'refused');
      }
    };
    source.give('"lost"');
    await until(() => sink.attempts.length >= 2);
    source.lose();
    source.give('"next"');
    await until(() => source.commits.length > 0);
    expect(source.commits).toEqual([2]);
    expect(sink.stored).toEqual(['"next"']);
    expect(lane.holding).toBeUndefined();
  });

  it('commits nothing of a batch that was lost while it was written', async () => {
    sink.onWrite = ([text]) => {
      if (text === '"lost"') {
        source.lose();
      }
    };
    source.give('"lost"');
    source.give('"next"');
    await until(() => source.commits.length > 0);
    expect(sink.stored).toEqual(['"lost"', '"next"']);
    expect(source.commits).toEqual([2]);
  });

  it('does not count dead letters of a batch that comes again', async () => {
    sink.onWrite = (texts) => {
      if (texts.includes('"suspect"')) {
        throw new RetryableSinkError('other', 'who knows', { suspect: true });
      }
      if (texts.includes('"bad"')) {
        throw new RejectedBatchError('violates a check constraint');
      }
    };
    source.give('"suspect"', '"bad"');
    await until(() => existsSync(join(directory, 'dead', 'log.ndjson')));
    source.lose();
    source.give('"next"');
    await until(() => source.commits.includes(3));
    expect(source.account.deadLettered).toBe(0);
  });

  it('forgets suspects whose batch is lost, and holds no later batch for them', async () => {
    sink.onWrite = (texts) => {
      if (texts.includes('"suspect"')) {
        throw new RetryableSinkError('other', 'who knows', { suspect: true });
      }
    };
    source.give('"suspect"');
    await until(() => sink.attempts.length >= 1);
    source.lose();
    source.give('"next"', '"more"');
    await until(() => source.commits.includes(3));
    // Before it was lost, nothing of it was settled.
    expect(source.commits.filter((position) => position > 0)).toEqual([3]);
  });
});
