import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import { makeDirectory } from '../../disk/make-directory.js';
import { removeFile } from '../../disk/remove-file.js';
import { cutTornLine } from '../../disk/torn-line.js';
import type { PipelineObserver } from '../../metrics/pipeline-observer.js';
import { deadLetterPath, REJECTED, REPLAY_SUFFIX } from '../../disk/dead-letter-paths.js';
import { BoundedCalls } from '../../threads/bounded-calls.js';

/** How much may wait for the disk. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;
/** How long the disk may take for it. */
const LIMIT_MS = 5000;
const PIECE_BYTES = 256 * 1024;
const NEWLINE = 0x0a;

/**
 * Keeps the latest of what ingestion refused as invalid, in `rejected.ndjson`, for diagnosis. It comes
 * from the public: the file is bounded, its oldest half discarded at the bound, and it is written after
 * the answers by one writer. Nothing that goes wrong here reaches a request.
 */
export class RejectedRing {
  private readonly logger = new Logger('RejectedRing');
  private readonly path: string;
  private readonly calls: BoundedCalls;
  private readonly waiting: Buffer[] = [];
  /** With the lines that are being written. */
  private waitingBytes = 0;
  private writing: Promise<void> | undefined;
  /** The file is there and ends with a whole line. */
  private prepared = false;
  private failing = false;

  constructor(
    private readonly directory: string,
    private readonly maxBytes: number,
    private readonly observer: PipelineObserver,
  ) {
    this.path = deadLetterPath(directory, REJECTED);
    this.calls = new BoundedCalls(`the disk of ${this.path}`, LIMIT_MS);
  }

  /** Returns at once. */
  keep(lines: readonly Buffer[]): void {
    let discarded = 0;
    for (const line of lines) {
      if (!this.enqueue(line)) {
        discarded += 1;
      }
    }
    this.discarded(discarded);
    if (this.waiting.length > 0) {
      this.writing ??= this.write();
    }
  }

  /** Takes what is in the file out of the way, to be replayed. @returns its new path */
  async setAside(): Promise<string> {
    await this.withoutWriter(() => rename(this.path, this.replayPath));
    return this.replayPath;
  }

  /** Deletes what is in the file. */
  purge(): Promise<void> {
    return this.withoutWriter(() => removeFile(this.path));
  }

  /** The file that is being replayed. */
  get replayPath(): string {
    return join(this.directory, `${REJECTED}${REPLAY_SUFFIX}`);
  }

  /** Resolves once everything kept so far is in the file, or was discarded. */
  async flush(): Promise<void> {
    while (this.writing) {
      await this.writing;
    }
  }

  /** Runs the operation while nothing is written to the file. */
  private async withoutWriter(operation: () => Promise<void>): Promise<void> {
    await this.flush();
    this.prepared = false;
    const done = this.calls.run(operation);
    const resume = (): void => {
      this.writing = this.waiting.length > 0 ? this.write() : undefined;
    };
    this.writing = done.then(resume, resume);
    await done;
  }

  private enqueue(text: Buffer): boolean {
    const line = Buffer.concat([text, Buffer.of(NEWLINE)]);
    if (line.length > this.maxAppend || this.waitingBytes + line.length > MAX_WAITING_BYTES) {
      return false;
    }
    this.waiting.push(line);
    this.waitingBytes += line.length;
    return true;
  }

  /** What always fits after the newer half. */
  private get maxAppend(): number {
    return Math.floor(this.maxBytes / 2);
  }

  private async write(): Promise<void> {
    // The request that brought the first line is answered before.
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    while (this.waiting.length > 0) {
      const lines = this.dequeue();
      const batch = Buffer.concat(lines);
      try {
        await this.calls.run(() => this.append(batch));
        this.succeeded();
      } catch (error) {
        this.failed(error as NodeJS.ErrnoException);
        this.discarded(lines.length);
      }
      this.waitingBytes -= batch.length;
    }
    this.writing = undefined;
  }

  private dequeue(): Buffer[] {
    let count = 0;
    let bytes = 0;
    for (const line of this.waiting) {
      bytes += line.length;
      if (bytes > this.maxAppend) {
        break;
      }
      count += 1;
    }
    return this.waiting.splice(0, count);
  }

  private async append(batch: Buffer): Promise<void> {
    await this.prepare();
    const file = await open(this.path, 'a+', 0o600);
    try {
      const { size } = await file.stat();
      if (size + batch.length <= this.maxBytes) {
        await appendWhole(file, size, batch);
      } else {
        await this.replace(file, size, batch);
      }
    } finally {
      await file.close();
    }
  }

  private async prepare(): Promise<void> {
    if (this.prepared) {
      return;
    }
    await makeDirectory(this.directory, 0o700);
    await (await open(this.path, 'a', 0o600)).close();
    await cutTornLine(this.path);
    this.prepared = true;
  }

  /** The newer half of the file and the batch take its place: a reader sees whole lines at any time. */
  private async replace(old: FileHandle, size: number, batch: Buffer): Promise<void> {
    const temporaryPath = `${this.path}.tmp`;
    const file = await open(temporaryPath, 'w', 0o600);
    try {
      let discarded: number;
      try {
        // The file may be far over its bound, when that was lowered.
        const from = Math.max(Math.ceil(size / 2), size - this.maxAppend);
        discarded = await copyLines(old, from, size, file);
        await file.appendFile(batch);
      } finally {
        await file.close();
      }
      await rename(temporaryPath, this.path);
      this.discarded(discarded);
    } catch (error) {
      // The disk may be full: what is of no use here is room for the queue.
      await rm(temporaryPath, { force: true }).catch(() => undefined);
      throw error;
    }
  }

  /** Reports lines that are lost. */
  discarded(count: number): void {
    if (count > 0) {
      this.observer.rejectedDiscarded(count);
    }
  }

  private failed({ code, message }: NodeJS.ErrnoException): void {
    this.prepared = false;
    if (!this.failing) {
      this.failing = true;
      this.logger.warn(
        `rejected events are not kept for diagnosis until ${this.path} (DEAD_LETTER_PATH) can be written by uid ${process.getuid?.()}: ${code ?? message}`,
      );
    }
  }

  private succeeded(): void {
    if (this.failing) {
      this.failing = false;
      this.logger.log(`rejected events are kept for diagnosis in ${this.path} again`);
    }
  }
}

/** All of it or nothing: a disk that is full keeps its last room for the queue. */
async function appendWhole(file: FileHandle, size: number, batch: Buffer): Promise<void> {
  try {
    await file.appendFile(batch);
  } catch (error) {
    await file.truncate(size);
    throw error;
  }
}

/**
 * Copies the lines that begin at `from` or after it.
 * @returns how many lines stand before them
 */
async function copyLines(
  source: FileHandle,
  from: number,
  size: number,
  target: FileHandle,
): Promise<number> {
  const piece = Buffer.allocUnsafe(PIECE_BYTES);
  let skipped = 0;
  let copies = false;
  for (let position = 0; position < size;) {
    const { bytesRead } = await source.read(piece, 0, PIECE_BYTES, position);
    if (bytesRead === 0) {
      break;
    }
    const bytes = piece.subarray(0, bytesRead);
    let start = 0;
    while (!copies && start < bytesRead) {
      const newline = bytes.indexOf(NEWLINE, start);
      if (newline === -1) {
        start = bytesRead;
      } else {
        start = newline + 1;
        skipped += 1;
        copies = position + start >= from;
      }
    }
    if (start < bytesRead) {
      await target.appendFile(bytes.subarray(start));
    }
    position += bytesRead;
  }
  return skipped;
}
