import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { countEventsWithoutHeader } from './block.js';
import type { Cursors } from './cursor.js';
import { SegmentReader } from './segment-reader.js';

/** One file of the log. Its name carries the position of its first event. */
export interface Segment {
  readonly base: number;
  readonly path: string;
  /** Synced and part of the log; what comes after them in the file is not. */
  bytes: number;
  /** Position after its last event; undefined for the one that is written to. */
  end: number | undefined;
}

const NAME = /^(\d{16})\.segment$/;

export function segmentPath(directory: string, base: number): string {
  return join(directory, `${String(base).padStart(16, '0')}.segment`);
}

/** The segments of a directory as they stand on disk, in order; all sealed but the last. */
export async function listSegments(directory: string): Promise<Segment[]> {
  const bases = (await readdir(directory))
    .flatMap((name) => NAME.exec(name)?.[1] ?? [])
    .map(Number)
    .toSorted((a, b) => a - b);
  return Promise.all(
    bases.map(async (base, index) => {
      const path = segmentPath(directory, base);
      return { base, path, bytes: (await stat(path)).size, end: bases[index + 1] };
    }),
  );
}

interface Extent {
  readonly bytes: number;
  /** Position after the last event. */
  readonly end: number;
  /** The segment ends in a damaged block rather than a torn one: nothing may be written after it. */
  readonly damagedEnd: boolean;
}

/**
 * How far the last segment goes. A torn block at its end was never answered for and does not count. A
 * block that is complete but for its unreadable header was: its events are taken for damaged.
 */
async function measureSegment(segment: Segment): Promise<Extent> {
  const reader = await openSegment(segment);
  try {
    for (;;) {
      const found = await reader.next(segment.bytes, undefined);
      if (!found) {
        return { bytes: segment.bytes, end: reader.position, damagedEnd: false };
      }
      if (found.kind !== 'torn') {
        continue;
      }
      const events = found.startsWithHeader ? 0 : countEventsWithoutHeader(found.bytes);
      return events === 0
        ? { bytes: found.offset, end: reader.position, damagedEnd: false }
        : { bytes: segment.bytes, end: reader.position + events, damagedEnd: true };
    }
  } finally {
    await reader.close();
  }
}

/** The segment that holds the position, or the next one after it. */
export function segmentAt(segments: readonly Segment[], position: number): Segment | undefined {
  return segments.find(({ end }) => end === undefined || end > position);
}

export async function openSegment(segment: Segment): Promise<SegmentReader> {
  return new SegmentReader(await open(segment.path, 'r'), segment.base);
}

/**
 * Position after the last event of an earlier process; never before one that the cursors know of. The
 * last segment is left open when it can be written to from there.
 */
export async function findTail(segments: readonly Segment[], cursors: Cursors): Promise<number> {
  const furthest = Math.max(
    0,
    ...Object.values(cursors).map(({ position, tail = 0 }) => Math.max(position, tail)),
  );
  const last = segments.at(-1);
  if (!last) {
    return furthest;
  }
  const { bytes, end, damagedEnd } = await measureSegment(last);
  if (!damagedEnd && end >= furthest) {
    last.bytes = bytes;
    return end;
  }
  last.end = Math.max(end, furthest);
  return last.end;
}
