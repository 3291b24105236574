import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { StoredEvent } from '../../src/event/stored-event.js';
import { canMount, withSmallFileSystem } from '../support/disk/mounts.js';
import { jsonOf, storedEvent, storedEvents } from './sink-contract.js';

interface Child {
  readonly process: ChildProcess;
  /** Has the child write the batch, and resolves to its outcome. */
  write(batch: readonly StoredEvent[]): Promise<string>;
  /** Ends it as its input ends; resolves to its exit code. */
  end(): Promise<unknown>;
}

function start(stdout: 'pipe' | number): Child {
  const [loader, program] = ['../support/typescript-loader.mjs', 'stdout-child.ts'].map((name) =>
    join(import.meta.dirname, name),
  );
  const child = spawn(process.execPath, ['--import', String(loader), String(program)], {
    stdio: ['pipe', stdout, 'pipe'],
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const input = child.stdio[0];
  const reports = createInterface({ input: child.stdio[2] as Readable })[Symbol.asyncIterator]();
  return {
    process: child,
    async write(batch) {
      input?.write(`${JSON.stringify(jsonOf(batch))}\n`);
      return String((await reports.next()).value);
    },
    async end() {
      const exited = once(child, 'exit');
      input?.end();
      return (await exited)[0];
    },
  };
}

const textOf = (batch: readonly StoredEvent[]): string => `${jsonOf(batch).join('\n')}\n`;

async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'gotrack-stdout-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  return directory;
}

describe('the log sink on the standard output of a process', () => {
  it('writes each event as a line', async () => {
    const child = start('pipe');
    const [first, second] = [storedEvents(1), storedEvents(5_000, 1)];
    const output = textInto(child.process.stdout);

    expect(await child.write(first)).toBe('up written');
    expect(await child.write(second)).toBe('up written');

    expect(await child.end()).toBe(0);
    expect(await output).toBe(textOf(first) + textOf(second));
  });

  it('fails for now, and does not end the process, when nothing reads it any longer', async () => {
    const child = start('pipe');
    expect(await child.write(storedEvents(1))).toBe('up written');
    child.process.stdout?.destroy();

    for (let attempt = 1; attempt <= 3; attempt += 1) {
      expect(await child.write(storedEvents(1))).toMatch(
        /^down connection LOG_PATH=stdout cannot be written \(EPIPE\)/,
      );
    }

    expect(await child.end()).toBe(0);
  });

  it('writes to a file', async () => {
    const path = join(await temporaryDirectory(), 'out');
    const file = await open(path, 'w');
    const child = start(file.fd);
    await file.close();
    const [first, second] = [storedEvents(2), storedEvents(2, 2)];

    expect(await child.write(first)).toBe('up written');
    expect(await child.write(second)).toBe('up written');

    expect(await child.end()).toBe(0);
    expect(await readFile(path, 'utf8')).toBe(textOf(first) + textOf(second));
  });

  it.skipIf(!canMount())(
    'does not confirm what a full disk cuts short, and spoils no line after it',
    async () => {
      const mountPoint = join(await temporaryDirectory(), 'small');
      const [path, ballast] = ['out', 'ballast'].map((name) => join(mountPoint, name));
      const batch = Array.from({ length: 100 }, (_, n) => storedEvent(n, 'x'.repeat(1_000)));
      await withSmallFileSystem(mountPoint, async () => {
        await writeFile(String(ballast), Buffer.alloc(200_000));
        const file = await open(String(path), 'a');
        const child = start(file.fd);
        await file.close();

        expect(await child.write(batch)).toMatch(/^down disk LOG_PATH=stdout .*ENOSPC/);
        await rm(String(ballast));
        expect(await child.write(batch)).toBe('up written');

        expect(await child.end()).toBe(0);
        const lines = (await readFile(String(path), 'utf8')).split('\n');
        expect(lines.slice(-101)).toEqual([...jsonOf(batch), '']);
      });
    },
  );
});

async function textInto(stream: Readable | null): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of stream ?? []) {
    pieces.push(piece as Buffer);
  }
  return Buffer.concat(pieces).toString();
}
