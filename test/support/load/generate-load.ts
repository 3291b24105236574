import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';

export interface LoadOrder {
  readonly port: number;
  /** Path and query of the pixel, without `event_id`. */
  readonly target: string;
  /** Of the event ids; a running number from 0 follows. */
  readonly prefix: string;
  /** Arrivals by the clock; without it, each connection sends as soon as it has its answer. */
  readonly ratePerSecond?: number | undefined;
  readonly seconds: number;
  /** At most so many at a time: an arrival that finds them all busy is turned away by the generator. */
  readonly connections: number;
}

export interface GeneratedLoad {
  readonly sent: number;
  /** Arrivals for which there was no connection. */
  readonly turnedAway: number;
  /** Answers by status; `cut` for a connection that was closed instead. */
  readonly statuses: Readonly<Record<string, number>>;
  readonly mostUnderWay: number;
  readonly unanswered: number;
  /** From the last arrival to the last answer. */
  readonly settledAfterMs: number;
  /** A bit for each request that was sent, in base64: whether it was answered 200. */
  readonly acceptedBits: string;
  /**
   * Milliseconds from arrival to answer, and how often. What is accepted as the first request of its connection is
   * `opening`: it waits for its connection to be accepted, too.
   */
  readonly latencies: Readonly<
    Record<'opening' | 'accepted' | 'refused', readonly (readonly [ms: number, count: number])[]>
  >;
}

/** Sends pixels from a process of its own, so that whoever watches is not held up by it. */
export async function generateLoad(order: LoadOrder): Promise<GeneratedLoad> {
  const child = spawn(
    process.execPath,
    [
      '--import',
      `${import.meta.dirname}/../typescript-loader.mjs`,
      `${import.meta.dirname}/load-generator.ts`,
      JSON.stringify(order),
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  return JSON.parse(await text(child.stdout)) as GeneratedLoad;
}

/** Ids of the events that were answered 200. */
export function acceptedIds({ acceptedBits, sent }: GeneratedLoad, prefix: string): Set<string> {
  const bits = Buffer.from(acceptedBits, 'base64');
  const ids = new Set<string>();
  for (let n = 0; n < sent; n += 1) {
    if (((bits[n >> 3] ?? 0) >> (n & 7)) & 1) {
      ids.add(`${prefix}${n}`);
    }
  }
  return ids;
}

/** @param share 0 to 1 */
export function percentile(
  latencies: readonly (readonly [ms: number, count: number])[],
  share: number,
): number {
  const ordered = latencies.toSorted(([a], [b]) => a - b);
  const total = ordered.reduce((sum, [, count]) => sum + count, 0);
  let seen = 0;
  for (const [ms, count] of ordered) {
    seen += count;
    if (seen >= share * total) {
      return ms;
    }
  }
  return 0;
}
