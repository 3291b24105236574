import type { FileHandle } from 'node:fs/promises';
import { type BlockHeader, findBlock, HEADER_BYTES, readHeader } from './block.js';

/** Read ahead: many small blocks come with one system call. */
const CHUNK_BYTES = 1024 * 1024;

export type Found =
  | {
      readonly kind: 'block';
      readonly header: BlockHeader;
      readonly body: Buffer;
      readonly offset: number;
    }
  /** Bytes that are no block, and how many events must have stood there. */
  | {
      readonly kind: 'gap';
      readonly position: number;
      readonly count: number;
      readonly offset: number;
      readonly bytes: number;
    }
  /** The segment ends in bytes that are no whole block. */
  | {
      readonly kind: 'torn';
      readonly offset: number;
      readonly bytes: Buffer;
      readonly startsWithHeader: boolean;
    };

/** Walks through one segment, block by block, and finds its way again after damage. */
export class SegmentReader {
  private chunk: Buffer = Buffer.alloc(0);
  private chunkOffset = 0;
  private offset = 0;

  constructor(
    private readonly file: FileHandle,
    /** Position of the event that is read next. */
    public position: number,
  ) {}

  /**
   * @param limit how many bytes of the segment are synced
   * @param end position after the segment's last event; undefined while it is being found out
   * @returns undefined at the end. The bytes of a block are valid until the next call.
   */
  async next(limit: number, end: number | undefined): Promise<Found | undefined> {
    if (this.position === end) {
      return undefined;
    }
    if (this.offset >= limit) {
      return this.gap(limit, end);
    }

    const header = readHeader(await this.bytes(HEADER_BYTES, limit), 0);
    if (
      !header ||
      !this.fits(header, this.offset, limit, end) ||
      header.position !== this.position
    ) {
      return this.skipDamage(limit, end);
    }
    const offset = this.offset;
    const body = (await this.bytes(header.blockBytes, limit)).subarray(HEADER_BYTES);
    this.offset = Math.min(this.offset + header.blockBytes, limit);
    this.position += header.count;
    return { kind: 'block', header, body, offset };
  }

  close(): Promise<void> {
    return this.file.close();
  }

  private fits(
    header: BlockHeader,
    offset: number,
    limit: number,
    end: number | undefined,
  ): boolean {
    return (
      header.position >= this.position &&
      header.position + header.count <= (end ?? Infinity) &&
      // Nothing is written after a known end: there, a block that is not complete was cut.
      (end !== undefined || offset + header.blockBytes <= limit)
    );
  }

  private async skipDamage(limit: number, end: number | undefined): Promise<Found | undefined> {
    const start = this.offset;
    while (this.offset < limit) {
      const bytes = await this.bytes(CHUNK_BYTES, limit);
      for (let at = findBlock(bytes, 0); at !== -1; at = findBlock(bytes, at + 1)) {
        const header = readHeader(bytes, at);
        if (header && this.fits(header, this.offset + at, limit, end)) {
          const count = header.position - this.position;
          const position = this.position;
          this.offset += at;
          this.position = header.position;
          if (count === 0) {
            return this.next(limit, end);
          }
          return { kind: 'gap', position, count, offset: start, bytes: this.offset - start };
        }
      }
      // A header that begins in this piece may end in the next.
      this.offset =
        bytes.length <= HEADER_BYTES ? limit : this.offset + bytes.length - HEADER_BYTES + 1;
    }
    if (end === undefined) {
      this.offset = start;
      const bytes = await this.bytes(limit - start, limit);
      return {
        kind: 'torn',
        offset: start,
        bytes,
        startsWithHeader: readHeader(bytes, 0) !== undefined,
      };
    }
    return this.gap(limit, end, start);
  }

  /** What should stand between here and the end, and does not. */
  private gap(limit: number, end: number | undefined, offset = this.offset): Found | undefined {
    if (end === undefined) {
      return undefined;
    }
    const position = this.position;
    this.offset = limit;
    this.position = end;
    return { kind: 'gap', position, count: end - position, offset, bytes: limit - offset };
  }

  /** At least `length` bytes from the offset on, fewer at the limit. */
  private async bytes(length: number, limit: number): Promise<Buffer> {
    const wanted = Math.min(length, limit - this.offset);
    const ahead = this.offset - this.chunkOffset;
    if (ahead < 0 || ahead + wanted > this.chunk.length) {
      const size = Math.min(Math.max(wanted, CHUNK_BYTES), limit - this.offset);
      const buffer = Buffer.allocUnsafe(size);
      let filled = 0;
      while (filled < size) {
        const { bytesRead } = await this.file.read(
          buffer,
          filled,
          size - filled,
          this.offset + filled,
        );
        if (bytesRead === 0) {
          break;
        }
        filled += bytesRead;
      }
      this.chunk = buffer.subarray(0, filled);
      this.chunkOffset = this.offset;
      return this.chunk.subarray(0, Math.max(wanted, 0));
    }
    return this.chunk.subarray(ahead, ahead + wanted);
  }
}
