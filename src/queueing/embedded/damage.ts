import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import { makeDirectory } from '../../disk/make-directory.js';
import type { PipelineObserver } from '../../metrics/pipeline-observer.js';
import type { Segment } from './segment.js';

/** Bytes of a segment. */
interface Stretch {
  readonly offset: number;
  readonly bytes: number;
}

/** Counts damaged events once, however many readers find them, and keeps their bytes for a person to look at. */
export class Damage {
  private readonly logger = new Logger('Queue');
  /** Events that were counted in each damaged stretch, by its end: a reader that is further back may find more of it. */
  private readonly counted = new Map<number, number>();

  constructor(
    private readonly directory: string,
    private readonly observer: PipelineObserver,
  ) {}

  /**
   * @param position of the first event that the damaged bytes held
   * @param end position after the stretch, the same for every reader that finds it
   * @param count of damaged events
   */
  async found(
    segment: Segment,
    { offset, bytes }: Stretch,
    position: number,
    end: number,
    count: number,
  ): Promise<void> {
    const counted = this.counted.get(end) ?? 0;
    if (count <= counted) {
      return;
    }
    this.counted.set(end, count);
    this.observer.corruptRecordsFound(count - counted);
    const kept = join(this.directory, `${position}.bin`);
    this.logger.error(
      `${count} event(s) from position ${position} on are damaged in ${segment.path} at byte ${offset}; ` +
        `they are skipped, their bytes are kept in ${kept}`,
    );
    try {
      await this.copy(segment.path, offset, bytes, kept);
    } catch (error) {
      this.logger.error(`cannot keep damaged bytes in ${kept}: ${(error as Error).message}`);
    }
  }

  private async copy(from: string, offset: number, bytes: number, to: string): Promise<void> {
    await makeDirectory(this.directory, 0o700);
    const source = await open(from, 'r');
    try {
      const target = await open(to, 'w', 0o600);
      try {
        const piece = Buffer.allocUnsafe(Math.min(bytes, 1024 * 1024));
        for (let done = 0; done < bytes;) {
          const { bytesRead } = await source.read(
            piece,
            0,
            Math.min(piece.length, bytes - done),
            offset + done,
          );
          if (bytesRead === 0) {
            break;
          }
          await target.write(piece, 0, bytesRead);
          done += bytesRead;
        }
      } finally {
        await target.close();
      }
    } finally {
      await source.close();
    }
  }
}
