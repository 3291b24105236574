import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A stretch of a file's bytes. */
export interface Region {
  readonly file: string;
  readonly start: number;
  readonly end: number;
}

export interface EventMap {
  readonly position: number;
  readonly id: string;
  readonly json: Region;
}

export interface BlockMap {
  readonly position: number;
  /** Position after its last event. */
  readonly end: number;
  readonly headers: readonly [Region, Region];
  readonly table: Region;
  /** The events and their newlines. */
  readonly payload: Region;
  readonly events: readonly EventMap[];
}

/** Where the sinks stand, as one of the two slots of the cursor file has it. */
export interface SlotMap {
  readonly region: Region;
  readonly generation: number;
  readonly positions: Readonly<Record<string, number>>;
}

const HEADER_COPY_BYTES = 44;
const SLOT_BYTES = 16 * 1024;
const SLOT_HEADER_BYTES = 20;

/** The files of a queue that is not damaged, and what each of their bytes is for. Reads the format by itself. */
export class QueueImage {
  readonly blocks: readonly BlockMap[];
  readonly slots: readonly SlotMap[];

  private constructor(readonly files: ReadonlyMap<string, Buffer>) {
    this.blocks = this.segmentNames.flatMap((name) => [...blocksOf(name, this.bytesOf(name))]);
    this.slots = [0, 1].map((index) => slotOf(this.bytesOf('cursors'), index));
  }

  static async read(directory: string): Promise<QueueImage> {
    const names = (await readdir(directory, { withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map(({ name }) => name)
      .toSorted();
    return new QueueImage(
      new Map(
        await Promise.all(
          names.map(async (name) => [name, await readFile(join(directory, name))] as const),
        ),
      ),
    );
  }

  get segmentNames(): string[] {
    return [...this.files.keys()].filter((name) => name.endsWith('.segment'));
  }

  get events(): EventMap[] {
    return this.blocks.flatMap(({ events }) => events);
  }

  /** Position after the last event. */
  get tail(): number {
    return this.blocks.at(-1)?.end ?? 0;
  }

  bytesOf(name: string): Buffer {
    const bytes = this.files.get(name);
    if (!bytes) {
      throw new Error(`the queue has no file ${name}`);
    }
    return bytes;
  }
}

/** The same files with damage in them. A file that is not among them was removed. */
export class DamagedImage {
  readonly files: Map<string, Buffer>;

  constructor(readonly whole: QueueImage) {
    this.files = new Map(whole.files);
  }

  change(file: string, damage: (bytes: Buffer) => Buffer): void {
    this.files.set(file, damage(Buffer.from(this.files.get(file) ?? Buffer.alloc(0))));
  }

  async write(directory: string): Promise<void> {
    await mkdir(directory, { recursive: true });
    await Promise.all(
      [...this.files].map(([name, bytes]) => writeFile(join(directory, name), bytes)),
    );
  }

  isWhole({ file, start, end }: Region): boolean {
    const found = this.files.get(file)?.subarray(start, end);
    return found?.equals(this.whole.bytesOf(file).subarray(start, end)) ?? start === end;
  }

  /**
   * Positions of the events that the format cannot give back: their own bytes are damaged, or both
   * copies of their block's header, or its table and its payload.
   */
  get segmentNames(): string[] {
    return [...this.files.keys()].filter((name) => name.endsWith('.segment'));
  }

  get lost(): Set<number> {
    const lost = new Set<number>();
    for (const block of this.whole.blocks) {
      for (const { position, json } of block.events) {
        if (this.isUnreadable(block) || !this.isWhole(json)) {
          lost.add(position);
        }
      }
    }
    return lost;
  }

  hidesItsHeader({ headers }: BlockMap): boolean {
    return headers.every((header) => !this.isWhole(header));
  }

  private isUnreadable(block: BlockMap): boolean {
    return (
      this.hidesItsHeader(block) || (!this.isWhole(block.table) && !this.isWhole(block.payload))
    );
  }

  /** The newest slot that is whole. */
  get slot(): SlotMap | undefined {
    return this.whole.slots
      .filter(({ region }) => this.isWhole(region))
      .toSorted((a, b) => b.generation - a.generation)[0];
  }
}

function* blocksOf(file: string, bytes: Buffer): Generator<BlockMap> {
  for (let start = 0; start < bytes.length;) {
    const region = (from: number, length: number): Region => ({
      file,
      start: from,
      end: from + length,
    });
    const count = bytes.readUInt32LE(start + 12);
    const position = bytes.readDoubleLE(start + 16);
    const table = region(start + 2 * HEADER_COPY_BYTES, count * 8);
    const payload = region(table.end, bytes.readUInt32LE(start + 32));
    const events: EventMap[] = [];
    let at = payload.start;
    for (let index = 0; index < count; index += 1) {
      const json = region(at, bytes.readUInt32LE(table.start + index * 8));
      const { event_id: id } = JSON.parse(bytes.toString('utf8', json.start, json.end)) as {
        event_id: string;
      };
      events.push({ position: position + index, id, json });
      at = json.end + 1;
    }
    yield {
      position,
      end: position + count,
      headers: [
        region(start, HEADER_COPY_BYTES),
        region(start + HEADER_COPY_BYTES, HEADER_COPY_BYTES),
      ],
      table,
      payload,
      events,
    };
    start = payload.end;
  }
}

function slotOf(bytes: Buffer, index: number): SlotMap {
  const start = index * SLOT_BYTES;
  const end = start + SLOT_HEADER_BYTES + bytes.readUInt32LE(start + 8);
  const cursors = JSON.parse(bytes.toString('utf8', start + SLOT_HEADER_BYTES, end)) as Record<
    string,
    { position: number }
  >;
  return {
    region: { file: 'cursors', start, end },
    generation: bytes.readDoubleLE(start + 12),
    positions: Object.fromEntries(
      Object.entries(cursors).map(([sink, { position }]) => [sink, position]),
    ),
  };
}
