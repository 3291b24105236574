/** What so many connections take, a few kilobytes each, leaves the rest of the program its room. */
const MOST = 16_384;
/** For the queue, sinks, the metrics address and what libraries open. */
const RESERVED_DESCRIPTORS = 256;

/**
 * How many connections the collector may hold. Without descriptors left the queue could not begin a
 * segment, nor a sink connect: a client that opens connections must not be able to take the last one.
 * @param descriptors the process may have open; undefined when that is not known
 */
export function connectionLimit(descriptors: number | undefined): number {
  const all = descriptors ?? Infinity;
  return Math.min(MOST, Math.max(Math.floor(all / 2), all - RESERVED_DESCRIPTORS));
}
