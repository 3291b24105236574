/**
 * Unix ms that never go back while the process lives; comparable, as well as the wall clock allows, with
 * those of an earlier process.
 */
export function monotonicNowMs(): number {
  return performance.timeOrigin + performance.now();
}
