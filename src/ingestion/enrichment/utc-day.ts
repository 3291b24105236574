export const DAY_MS = 86_400_000;

/** The day in UTC, such as `2026-11-26`. @param ms since the epoch */
export function utcDay(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
