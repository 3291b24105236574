import { constants } from 'node:fs';
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { ifMissing } from '../../disk/missing.js';
import { syncDirectory } from '../../disk/sync-directory.js';
import type { Cursors } from './cursor.js';
import type { FileId, QueueFiles } from './queue-files.js';
import { QueueStartError } from './queue-start-error.js';

/*
 * Two slots, written in turn: a torn or damaged one leaves the other, which is one commit older.
 * A slot: magic, CRC-32 of what follows, length, generation, the cursors as JSON.
 */
const MAGIC = Buffer.from('GTC1');
const SLOT_BYTES = 16 * 1024;
const SLOT_HEADER_BYTES = 20;

export class CursorFile {
  private open: { readonly handle: FileHandle; readonly id: FileId } | undefined;
  /** For the next write. */
  private changes: ((cursors: Cursors) => Cursors)[] = [];
  /** What the slot holds that was not written last. */
  private older: Cursors = {};
  private writing: Promise<void> | undefined;
  private next: Promise<void> | undefined;

  private constructor(
    private readonly path: string,
    private durable: Cursors,
    private generation: number,
    private readonly files: QueueFiles | undefined,
  ) {}

  /**
   * @param files of the queue, when it is opened for longer
   * @throws QueueStartError when both slots are damaged
   */
  static async load(directory: string, files?: QueueFiles): Promise<CursorFile> {
    const path = join(directory, 'cursors');
    const newest = newestSlot(path, await readFile(path).catch(ifMissing(Buffer.alloc(0))));
    return new CursorFile(path, newest.cursors, newest.generation, files);
  }

  /** As they stand on disk. */
  get cursors(): Cursors {
    return this.durable;
  }

  /** What each slot holds: when one of them is damaged, the other one counts. */
  get copies(): readonly Cursors[] {
    return [this.durable, this.older];
  }

  /** False in a new queue, and when an operator removed the file. */
  get exists(): boolean {
    return this.generation > 0;
  }

  /**
   * Durable when it resolves. Changes made while a write is under way share the next one. Nothing is kept
   * of a change that fails, and the next call opens the file again.
   */
  save(change: (cursors: Cursors) => Cursors): Promise<void> {
    this.changes.push(change);
    this.next ??= (this.writing ?? Promise.resolve())
      .catch(() => undefined)
      .then(() => {
        this.writing = this.next;
        this.next = undefined;
        return this.write();
      });
    return this.next;
  }

  /** @throws QueueFilesGoneError */
  async assertInPlace(): Promise<void> {
    await this.files?.assertOwned();
    if (this.open) {
      await this.files?.assertInPlace(this.path, this.open.id);
    }
  }

  async close(): Promise<void> {
    await (this.next ?? this.writing)?.catch(() => undefined);
    await this.open?.handle.close();
  }

  private async write(): Promise<void> {
    const generation = this.generation + 1;
    const written = this.changes.reduce((cursors, change) => change(cursors), this.durable);
    this.changes = [];
    const json = Buffer.from(JSON.stringify(written));
    if (SLOT_HEADER_BYTES + json.length > SLOT_BYTES) {
      throw new Error('too many sinks for the cursor file');
    }
    const slot = Buffer.alloc(SLOT_BYTES);
    MAGIC.copy(slot);
    slot.writeUInt32LE(json.length, 8);
    slot.writeDoubleLE(generation, 12);
    json.copy(slot, SLOT_HEADER_BYTES);
    slot.writeUInt32LE(crc32(slot.subarray(8, SLOT_HEADER_BYTES + json.length)), 4);

    try {
      this.open ??= await this.openForWriting();
      const { handle, id } = this.open;
      await handle.write(slot, 0, slot.length, (generation % 2) * SLOT_BYTES);
      await handle.datasync();
      await this.files?.assertInPlace(this.path, id);
    } catch (error) {
      await this.open?.handle.close().catch(() => undefined);
      this.open = undefined;
      throw error;
    }
    this.generation = generation;
    this.older = this.durable;
    this.durable = written;
  }

  private async openForWriting(): Promise<{ handle: FileHandle; id: FileId }> {
    await this.files?.assertOwned();
    const handle = await open(this.path, constants.O_RDWR | constants.O_CREAT, 0o600);
    try {
      await syncDirectory(dirname(this.path));
      return { handle, id: await handle.stat() };
    } catch (error) {
      // Node ends the process for a handle that is left to the garbage collector.
      await handle.close();
      throw error;
    }
  }
}

function newestSlot(path: string, bytes: Buffer): { cursors: Cursors; generation: number } {
  if (bytes.length === 0) {
    return { cursors: {}, generation: 0 };
  }
  const slots = [readSlot(bytes, 0), readSlot(bytes, SLOT_BYTES)].filter(
    (slot) => slot !== undefined,
  );
  const newest = slots.toSorted((a, b) => b.generation - a.generation)[0];
  if (!newest) {
    throw new QueueStartError(
      `${path} is damaged: where each sink stands is lost. Remove that file to deliver everything that is ` +
        'still in the queue again to every sink',
    );
  }
  return newest;
}

function readSlot(bytes: Buffer, at: number): { cursors: Cursors; generation: number } | undefined {
  const slot = bytes.subarray(at, at + SLOT_BYTES);
  if (slot.length < SLOT_HEADER_BYTES || !slot.subarray(0, MAGIC.length).equals(MAGIC)) {
    return undefined;
  }
  const end = SLOT_HEADER_BYTES + slot.readUInt32LE(8);
  if (end > slot.length || crc32(slot.subarray(8, end)) !== slot.readUInt32LE(4)) {
    return undefined;
  }
  return {
    generation: slot.readDoubleLE(12),
    cursors: JSON.parse(slot.toString('utf8', SLOT_HEADER_BYTES, end)) as Cursors,
  };
}
