import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFile,
  copyFile,
  type FileHandle,
  lstat,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Logger, type LoggerService } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  canMount,
  withMountedFile,
  withSmallFileSystem,
} from '../../../test/support/disk/mounts.js';
import { jsonOf, storedEvent, storedEvents } from '../../../test/contracts/sink-contract.js';
import type { StoredEvent } from '../../event/stored-event.js';
import { LogSink } from './log-sink.js';
import { LogOptions } from './log.options.js';
import { backupName } from './rotation.js';

const DAY_MS = 86_400_000;

let directory: string;
let path: string;
let sink: LogSink;
let logged: string[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gotrack-log-'));
  path = join(directory, 'events.ndjson');
  logged = [];
  Logger.overrideLogger(recorder(logged));
  sink = create();
});

afterEach(async () => {
  vi.restoreAllMocks();
  await sink.close();
  await rm(directory, { recursive: true });
});

function create(options: Partial<LogOptions> = {}): LogSink {
  return new LogSink(Object.assign(new LogOptions(), { path }, options));
}

async function createOpen(options: Partial<LogOptions> = {}): Promise<void> {
  sink = create(options);
  await sink.open();
}

function recorder(lines: string[]): LoggerService {
  const record = (message: unknown): void => {
    lines.push(String(message));
  };
  return { log: record, warn: record, error: record };
}

function textOf(...batches: readonly (readonly StoredEvent[])[]): string {
  return batches
    .flatMap((batch) => jsonOf(batch))
    .map((json) => `${json}\n`)
    .join('');
}

const read = (file = path): Promise<string> => readFile(file, 'utf8');

async function backups(): Promise<string[]> {
  const names = await readdir(directory);
  return names.filter((name) => name.startsWith('events-')).toSorted();
}

/** What every open file handle inherits from: where a test makes the disk fail. */
async function handlePrototype(): Promise<FileHandle> {
  const handle = await open(directory);
  await handle.close();
  return Object.getPrototypeOf(handle) as FileHandle;
}

type BufferWrite = (
  bytes: Buffer,
  offset?: number,
  length?: number,
) => Promise<{ bytesWritten: number; buffer: Buffer }>;

const diskFailure = (code: string): Error => Object.assign(new Error(code), { code });

/** Batches of which two fit into one MiB and three don't. */
const bigBatches = [0, 1, 2, 3, 4].map((n) => [
  storedEvent(2 * n, 'x'.repeat(200_000)),
  storedEvent(2 * n + 1, 'y'.repeat(200_000)),
]);

describe('LogSink', () => {
  it('creates the missing directories and the file for its owner and group only', async () => {
    path = join(directory, 'a', 'b', 'events.ndjson');

    await createOpen();

    expect((await stat(join(directory, 'a'))).mode & 0o777 & ~0o750).toBe(0);
    expect((await stat(join(directory, 'a', 'b'))).mode & 0o777 & ~0o750).toBe(0);
    expect((await stat(path)).mode & 0o777 & ~0o640).toBe(0);
  });

  it('says nothing about normal batches', async () => {
    await createOpen();

    await sink.write(storedEvents(2));
    await sink.write(storedEvents(2));

    expect(logged).toEqual([]);
  });

  it('names LOG_PATH and what to do when the path is a directory', async () => {
    await mkdir(path);
    sink = create();

    await expect(sink.open()).rejects.toMatchObject({
      errorType: 'disk',
      message: `LOG_PATH=${path} cannot be written (EISDIR): it is a directory: name a file in it`,
    });
  });

  it('says that a directory is missing when a link on the path leads nowhere', async () => {
    await symlink(join(directory, 'not-mounted'), join(directory, 'data'));
    path = join(directory, 'data', 'gotrack', 'events.ndjson');
    sink = create();

    await expect(sink.open()).rejects.toMatchObject({
      errorType: 'disk',
      message: expect.stringContaining('(ENOENT)'),
    });
  });

  it.skipIf(process.platform !== 'linux')(
    'fails where the system lets nobody create a directory',
    async () => {
      path = '/proc/gotrack/events.ndjson';
      sink = create();

      await expect(sink.open()).rejects.toMatchObject({ errorType: 'disk' });
    },
  );

  it('refuses what is not a regular file', async () => {
    execFileSync('mkfifo', [path]);
    sink = create();

    await expect(sink.open()).rejects.toMatchObject({ errorType: 'disk' });
    await expect(sink.check()).rejects.toMatchObject({
      errorType: 'disk',
      message: expect.stringContaining('is not a regular file'),
    });
  });

  it('passes the check when the file was moved away, for it will be created again', async () => {
    await createOpen();
    await rename(path, `${path}.1`);

    await expect(sink.check()).resolves.toBeUndefined();
  });

  describe('a torn last line', () => {
    it('is cut when the file is opened, and reported', async () => {
      const before = storedEvents(2);
      await writeFile(path, `${textOf(before)}{"event_id":"torn`);

      await createOpen();

      expect(await read()).toBe(textOf(before));
      expect(logged).toEqual([`cut 17 bytes of a torn last line off ${path}`]);
    });

    it('is cut when something else has left it in the open file', async () => {
      const [before, after] = [storedEvents(2), storedEvents(2, 2)];
      await createOpen();
      await sink.write(before);
      await appendFile(path, 'half a li');

      await sink.write(after);

      expect(await read()).toBe(textOf(before, after));
      expect(logged).toEqual([`cut 9 bytes of a torn last line off ${path}`]);
    });
  });

  describe('beside logrotate', () => {
    const [before, after] = [storedEvents(2), storedEvents(2, 2)];

    it('continues in a new file when its own was moved away', async () => {
      await createOpen();
      await sink.write(before);
      await rename(path, `${path}.1`);

      await sink.write(after);

      expect(await read(`${path}.1`)).toBe(textOf(before));
      expect(await read()).toBe(textOf(after));
      expect(logged).toEqual([`reopened ${path}: it was moved away or replaced`]);
    });

    it('continues in the file that was put in place of its own', async () => {
      await createOpen();
      await sink.write(before);
      await rename(path, `${path}.1`);
      await writeFile(path, '');

      await sink.write(after);

      expect(await read(`${path}.1`)).toBe(textOf(before));
      expect(await read()).toBe(textOf(after));
    });

    it('continues at the start of a file that was copied and truncated', async () => {
      await createOpen();
      await sink.write(before);
      await copyFile(path, `${path}.1`);
      await truncate(path);

      await sink.write(after);

      expect(await read(`${path}.1`)).toBe(textOf(before));
      expect(await read()).toBe(textOf(after));
      expect(logged).toEqual([`reopened ${path}: it was truncated`]);
    });

    it('reopens its file once for a SIGHUP', async () => {
      await createOpen();
      await sink.write(before);
      const hungUp = once(process, 'SIGHUP');
      process.kill(process.pid, 'SIGHUP');
      await hungUp;

      await sink.write(after);
      await sink.write(before);

      expect(await read()).toBe(textOf(before, after, before));
      expect(logged).toEqual([`reopened ${path}: SIGHUP`]);
    });

    it('listens to SIGHUP from its opening, even a failed one, to its closing', async () => {
      const listeners = process.listenerCount('SIGHUP');
      await mkdir(path);
      sink = create();
      await expect(sink.open()).rejects.toThrow('LOG_PATH');
      await expect(sink.open()).rejects.toThrow('LOG_PATH');
      expect(process.listenerCount('SIGHUP')).toBe(listeners + 1);

      await sink.close();

      expect(process.listenerCount('SIGHUP')).toBe(listeners);
    });
  });

  describe('through a symbolic link', () => {
    let files: string;

    beforeEach(async () => {
      files = join(directory, 'files');
      await mkdir(files);
      await symlink(join('files', 'target.ndjson'), path);
    });

    it('creates the file that the link leads to', async () => {
      const batch = storedEvents(2);
      await createOpen();
      await sink.write(batch);
      await sink.check();

      expect((await lstat(path)).isSymbolicLink()).toBe(true);
      expect(await read(join(files, 'target.ndjson'))).toBe(textOf(batch));
    });

    it('sets that file aside in its own directory, and leaves the link', async () => {
      await createOpen({ rotateMb: 1, backups: 1 });

      for (const batch of bigBatches) {
        await sink.write(batch);
      }

      expect((await lstat(path)).isSymbolicLink()).toBe(true);
      expect(await read()).toBe(textOf(...bigBatches.slice(4)));
      const names = await readdir(files);
      expect(names.toSorted()).toEqual([
        expect.stringMatching(/^target-.*\.ndjson$/),
        'target.ndjson',
        'target.ndjson.lock',
      ]);
      expect(await readdir(directory).then((all) => all.toSorted())).toEqual([
        'events.ndjson',
        'files',
      ]);
    });

    it('continues where the link is turned to', async () => {
      const [before, after] = [storedEvents(2), storedEvents(2, 2)];
      await createOpen();
      await sink.write(before);
      await symlink(join(directory, 'other.ndjson'), join(directory, 'new-link'));
      await rename(join(directory, 'new-link'), path);

      await sink.write(after);

      expect(await read(join(files, 'target.ndjson'))).toBe(textOf(before));
      expect(await read(join(directory, 'other.ndjson'))).toBe(textOf(after));
      expect((await lstat(path)).isSymbolicLink()).toBe(true);
    });
  });

  describe('a file that another has', () => {
    it('is left as it is until that one is closed', async () => {
      const [before, after] = [storedEvents(2), storedEvents(2, 2)];
      await createOpen();
      await sink.write(before);
      // What the first writes just now, or the end of a line that the second must not cut off.
      await appendFile(path, '{"event_id":"half');
      const second = create();
      onTestFinished(() => second.close());

      await expect(second.open()).rejects.toMatchObject({
        name: 'RetryableSinkError',
        message: `LOG_PATH=${path} belongs to another running GoTrack: stop that process, or give this one a LOG_PATH of its own`,
      });
      expect(await read()).toBe(`${textOf(before)}{"event_id":"half`);
      await sink.close();
      await second.open();
      await second.write(after);

      expect(await read()).toBe(textOf(before, after));
    });

    it('is the same under another name', async () => {
      const link = join(directory, 'link.ndjson');
      await createOpen();
      await symlink(path, link);
      const second = create({ path: link });
      onTestFinished(() => second.close());

      await expect(second.open()).rejects.toThrow('belongs to another running GoTrack');
    });

    it.each([
      'it rotates',
      'it is moved away',
      'it and its lock are removed',
      'its lock is removed',
    ])('stays its own when %s', async (change) => {
      await createOpen({ rotateMb: 1 });
      for (const batch of bigBatches.slice(0, 2)) {
        await sink.write(batch);
      }
      if (change === 'it is moved away') {
        await rename(path, `${path}.1`);
      }
      if (change === 'it and its lock are removed') {
        await rm(path);
      }
      if (change.includes('lock')) {
        await rm(`${path}.lock`);
      }
      await sink.write(bigBatches[2] ?? []);
      const second = create();
      onTestFinished(() => second.close());

      await expect(second.open()).rejects.toThrow('belongs to another running GoTrack');
    });
  });

  describe('rotation', () => {
    it('keeps the files set aside last when the clock goes back', async () => {
      vi.useFakeTimers({ toFake: ['Date'] });
      onTestFinished(() => {
        vi.useRealTimers();
      });
      await createOpen({ rotateMb: 1, backups: 1 });

      for (const batch of bigBatches) {
        vi.setSystemTime(Date.now() - DAY_MS);
        await sink.write(batch);
      }

      const names = await backups();
      expect(await Promise.all(names.map((name) => read(join(directory, name))))).toEqual([
        textOf(...bigBatches.slice(2, 4)),
      ]);
    });

    it('sets the file aside before a batch would take it past the bound, and splits no batch', async () => {
      await createOpen({ rotateMb: 1 });

      for (const batch of bigBatches) {
        await sink.write(batch);
      }

      const names = await backups();
      const contents = await Promise.all(
        [...names.map((name) => join(directory, name)), path].map(read),
      );
      expect(contents).toEqual([
        textOf(...bigBatches.slice(0, 2)),
        textOf(...bigBatches.slice(2, 4)),
        textOf(...bigBatches.slice(4)),
      ]);
      expect(logged).toEqual(names.map((name) => `rotated ${path} to ${name}`));
    });

    it('writes a batch larger than the bound into one file', async () => {
      await createOpen({ rotateMb: 1 });

      await sink.write(bigBatches.flat());

      expect(await backups()).toEqual([]);
      expect(await read()).toBe(textOf(...bigBatches));
    });

    it('sets a file aside that another run has left', async () => {
      const left = `${'x'.repeat(1_048_576)}\n`;
      await writeFile(path, left);
      await createOpen({ rotateMb: 1 });

      await sink.write(storedEvents(1));

      const [backup] = await backups();
      expect(await read(join(directory, String(backup)))).toBe(left);
    });

    it('does not happen when it is off', async () => {
      await writeFile(path, `${'x'.repeat(2_000_000)}\n`);
      await createOpen({ rotateMb: 0 });

      await sink.write(storedEvents(1));

      expect(await backups()).toEqual([]);
    });

    it('keeps as many files as wanted, the newest', async () => {
      await createOpen({ rotateMb: 1, backups: 1 });

      for (const batch of bigBatches) {
        await sink.write(batch);
      }

      const names = await backups();
      expect(await Promise.all(names.map((name) => read(join(directory, name))))).toEqual([
        textOf(...bigBatches.slice(2, 4)),
      ]);
    });

    it('deletes at opening what is too old, and nothing that is not its own', async () => {
      const old = backupName(path, Date.now() - 9 * DAY_MS, []);
      const recent = backupName(path, Date.now() - 5 * DAY_MS, []);
      const foreign = ['events-1.ndjson', `${old}.gz`, `my${old}`];
      await Promise.all(
        [old, recent, ...foreign].map((name) => writeFile(join(directory, name), '\n')),
      );

      await createOpen({ maxAgeDays: 7 });

      expect(await readdir(directory).then((names) => names.toSorted())).toEqual(
        [...foreign, recent, 'events.ndjson', 'events.ndjson.lock'].toSorted(),
      );
    });

    it('delivers although an old file cannot be deleted, and says so', async () => {
      const undeletable = backupName(path, Date.now() - 9 * DAY_MS, []);
      const old = backupName(path, Date.now() - 10 * DAY_MS, []);
      await mkdir(join(directory, undeletable));
      await writeFile(join(directory, old), '\n');
      const batch = storedEvents(1);

      await createOpen({ maxAgeDays: 7 });
      await sink.write(batch);

      expect(await read()).toBe(textOf(batch));
      expect(await backups()).toEqual([undeletable]);
      expect(logged).toEqual([
        expect.stringContaining(`cannot delete the old file ${undeletable}`),
      ]);
    });
  });

  describe('when the disk fails', () => {
    const [before, batch] = [storedEvents(3), storedEvents(3, 3)];

    it('takes a batch back that could not be synced, and writes it once on the next attempt', async () => {
      const prototype = await handlePrototype();
      await createOpen();
      await sink.write(before);
      vi.spyOn(prototype, 'datasync').mockRejectedValueOnce(diskFailure('EIO'));

      await expect(sink.write(batch)).rejects.toMatchObject({
        errorType: 'disk',
        message: `LOG_PATH=${path} cannot be written (EIO): the disk reports an error: look at the kernel log`,
      });
      expect(await read()).toBe(textOf(before));
      await sink.write(batch);

      expect(await read()).toBe(textOf(before, batch));
    });

    it('takes it back on the next attempt when it could not at once', async () => {
      const prototype = await handlePrototype();
      await createOpen();
      await sink.write(before);
      vi.spyOn(prototype, 'datasync').mockRejectedValueOnce(diskFailure('EIO'));
      vi.spyOn(prototype, 'truncate').mockRejectedValueOnce(diskFailure('EIO'));
      await expect(sink.write(batch)).rejects.toMatchObject({ errorType: 'disk' });
      expect(await read()).toBe(textOf(before, batch));

      await sink.write(batch);

      expect(await read()).toBe(textOf(before, batch));
      expect(logged).toEqual([]);
    });

    it.each([
      ['replaced', textOf(storedEvents(6))],
      ['truncated', ''],
    ])('takes nothing back from a file that was %s since', async (change, content) => {
      const prototype = await handlePrototype();
      await createOpen();
      await sink.write(before);
      vi.spyOn(prototype, 'datasync').mockRejectedValueOnce(diskFailure('EIO'));
      vi.spyOn(prototype, 'truncate').mockRejectedValueOnce(diskFailure('EIO'));
      await expect(sink.write(batch)).rejects.toMatchObject({ errorType: 'disk' });
      if (change === 'replaced') {
        await rename(path, `${path}.1`);
      }
      await writeFile(path, content);

      await sink.write(batch);

      expect(await read()).toBe(`${content}${textOf(batch)}`);
      expect(logged).toEqual([]);
    });

    it('completes a write that the system cut short', async () => {
      const prototype = await handlePrototype();
      await createOpen();
      const handle = await open(path, 'a');
      onTestFinished(() => handle.close());
      const writer: { write: BufferWrite } = prototype;
      vi.spyOn(writer, 'write').mockImplementationOnce((bytes) => handle.write(bytes, 0, 10));

      await sink.write(batch);

      expect(await read()).toBe(textOf(batch));
    });

    it.each(['EACCES', 'EPERM', 'EROFS'])(
      'names the uid that needs the right on %s',
      async (code) => {
        const prototype = await handlePrototype();
        await createOpen();
        vi.spyOn(prototype, 'write').mockRejectedValueOnce(diskFailure(code));

        await expect(sink.write(batch)).rejects.toMatchObject({
          errorType: 'disk',
          message: expect.stringContaining(`uid ${process.getuid?.()} needs to`),
        });
      },
    );

    it.skipIf(!canMount())(
      'leaves no torn line on a full file system, and continues once there is space',
      async () => {
        const mountPoint = join(directory, 'small');
        path = join(mountPoint, 'events.ndjson');
        const ballast = join(mountPoint, 'ballast');
        const large = Array.from({ length: 100 }, (_, n) => storedEvent(n, 'x'.repeat(1_000)));
        await withSmallFileSystem(mountPoint, async () => {
          await writeFile(ballast, Buffer.alloc(200_000));
          await createOpen();
          await sink.write(before);

          await expect(sink.write(large)).rejects.toMatchObject({
            errorType: 'disk',
            message: `LOG_PATH=${path} cannot be written (ENOSPC): its file system is full: free some space`,
          });
          expect(await read()).toBe(textOf(before));
          await expect(appendFile(ballast, Buffer.alloc(300_000))).rejects.toThrow('ENOSPC');
          await expect(sink.check()).rejects.toMatchObject({ errorType: 'disk' });
          await rm(ballast);
          await expect(sink.check()).resolves.toBeUndefined();
          await sink.write(large);

          expect(await read()).toBe(textOf(before, large));
        });
      },
    );

    it.skipIf(!canMount())('says that inodes are what a file system lacks', async () => {
      const mountPoint = join(directory, 'small');
      path = join(mountPoint, 'events.ndjson');
      await withSmallFileSystem(mountPoint, async () => {
        execFileSync('mount', ['-o', 'remount,nr_inodes=3', mountPoint]);
        await writeFile(join(mountPoint, 'one'), '');
        await writeFile(join(mountPoint, 'two'), '');
        sink = create();

        await expect(sink.open()).rejects.toMatchObject({
          errorType: 'disk',
          message: `LOG_PATH=${path} cannot be written (ENOSPC): its file system has no inodes left, though space: delete files there`,
        });
      });
    });

    it.skipIf(!canMount())(
      'continues in the same file when it cannot be set aside, and says so once',
      async () => {
        await writeFile(path, '');
        await withMountedFile(path, async () => {
          await createOpen({ rotateMb: 1 });
          for (const large of bigBatches) {
            await sink.write(large);
          }

          expect(await read()).toBe(textOf(...bigBatches));
          expect(logged).toEqual([expect.stringContaining('cannot rotate')]);
        });
      },
    );
  });
});
