import { percentile } from './generate-load.js';
import type { Overload } from './overload.js';

/** What was measured, a line each. */
export function describeOverload(measured: Overload): string {
  const { capacity, offeredPerSecond, seconds, load, polls, memory, backAfterMs } = measured;
  const { opening, accepted, refused } = load.latencies;
  const pollTimes = polls.map(({ ms }) => [Math.round(ms), 1] as const);
  const aSecond = (count: number): string => `${(count / seconds).toFixed(0)}/s`;
  const times = (latencies: typeof accepted): string =>
    `p50 ${percentile(latencies, 0.5)} ms, p99 ${percentile(latencies, 0.99)} ms, max ${percentile(latencies, 1)} ms`;
  return [
    `takes ${capacity.toFixed(0)}/s; offered ${offeredPerSecond.toFixed(0)}/s for ${seconds} s, at most ${load.mostUnderWay} under way`,
    `accepted ${aSecond(load.statuses['200'] ?? 0)}: ${times(accepted)}`,
    `first of their connections: ${times(opening)}`,
    `503 ${aSecond(load.statuses['503'] ?? 0)}: ${times(refused)}`,
    `no connection left ${aSecond(load.turnedAway)}`,
    `${polls.length} polls of /metrics and /healthz: ${times(pollTimes)}`,
    `resident ${memory.before.toFixed(0)} MiB before, ${memory.peak.toFixed(0)} MiB at most`,
    `back to normal ${backAfterMs.toFixed(0)} ms after the last arrival`,
  ].join('\n');
}
