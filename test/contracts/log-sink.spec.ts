import { mkdir, mkdtemp, readFile, rename, rm, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import { LogSink } from '../../src/sinks/log/log-sink.js';
import { LogOptions } from '../../src/sinks/log/log.options.js';
import { describeSinkContract, type SinkTarget } from './sink-contract.js';

Logger.overrideLogger(false);

async function createTarget(): Promise<SinkTarget> {
  const directory = await mkdtemp(join(tmpdir(), 'gotrack-log-'));
  const path = join(directory, 'data', 'events.ndjson');
  const aside = join(directory, 'aside');
  let existed = false;

  return {
    createSink: () => new LogSink(Object.assign(new LogOptions(), { path })),

    async readStored() {
      const lines = (await readFile(path, 'utf8')).split('\n');
      if (lines.pop() !== '') {
        throw new Error('the last line is torn');
      }
      return lines;
    },

    // Permissions would not stop a test that runs as root.
    async makeUnavailable() {
      existed = await rename(path, aside).then(
        () => true,
        () => false,
      );
      await mkdir(path, { recursive: true });
    },

    async makeAvailable() {
      await rmdir(path);
      if (existed) {
        await rename(aside, path);
      }
    },

    remove: () => rm(directory, { recursive: true }),
  };
}

describeSinkContract('the log sink', { createTarget });
