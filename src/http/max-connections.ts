import { totalmem } from 'node:os';
import { getHeapStatistics } from 'node:v8';

/** More would serve nobody: a new connection takes the place of an idle one. */
const MOST = 16_384;
/** So that a wrong figure never locks everybody out. */
const LEAST = 64;
/** For the queue, sinks, the metrics address and what libraries open. */
const RESERVED_DESCRIPTORS = 256;
/** Measured: what one takes whose headers are as long as they may be, and never end. The allocator keeps it for the next ones. */
const BYTES_A_CONNECTION = 40 * 1024;
/** Measured: the part of it that is in V8's heap, and garbage as much again. */
const HEAP_BYTES_A_CONNECTION = 8 * 1024;
/** The rest is for events and for the program itself. */
const SHARE_OF_MEMORY = 1 / 4;

/** What the process may use. */
export interface Resources {
  /** Undefined when that is not known. */
  readonly descriptors: number | undefined;
  readonly memoryBytes: number;
  readonly heapBytes: number;
}

/** Its memory, as the machine, its container and Node's options limit it. */
export function availableMemory(): Pick<Resources, 'memoryBytes' | 'heapBytes'> {
  // 0 when nothing constrains it.
  const constrained = process.constrainedMemory() || Infinity;
  return {
    memoryBytes: Math.min(constrained, totalmem()),
    heapBytes: getHeapStatistics().heap_size_limit,
  };
}

/**
 * How many connections the collector may hold. Without descriptors left the queue could not begin a segment, nor a sink
 * connect, and without memory the process would be ended: a client that opens connections must not be able to take the
 * last of either.
 */
export function connectionLimit({ descriptors, memoryBytes, heapBytes }: Resources): number {
  const all = descriptors ?? Infinity;
  const byMemory = Math.min(
    (memoryBytes * SHARE_OF_MEMORY) / BYTES_A_CONNECTION,
    (heapBytes * SHARE_OF_MEMORY) / HEAP_BYTES_A_CONNECTION,
  );
  return Math.min(
    MOST,
    Math.max(Math.floor(all / 2), all - RESERVED_DESCRIPTORS),
    Math.max(LEAST, Math.floor(byMemory)),
  );
}
