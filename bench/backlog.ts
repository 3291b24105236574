import { type Collector, inParallel } from '../test/support/collector.js';

const EVENTS_A_REQUEST = 500;

/** Sends so many events, made by `eventAt`, and sees each request accepted. */
export async function queueEvents(
  collector: Collector,
  count: number,
  eventAt: (n: number) => object,
): Promise<void> {
  const requests = Array.from({ length: count / EVENTS_A_REQUEST }, (_, request) => async () => {
    const first = request * EVENTS_A_REQUEST;
    const events = Array.from({ length: EVENTS_A_REQUEST }, (__, n) => eventAt(first + n));
    const response = await fetch(`${collector.url}/collect`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(events),
    });
    const answer = await response.text();
    if (response.status !== 202 || !answer.includes(`"accepted":${EVENTS_A_REQUEST}`)) {
      throw new Error(`${response.status} ${answer}`);
    }
  });
  await inParallel(4, requests);
}

/** The settings among these that the bench's own environment sets: to try others than the defaults. */
export function settingsFromEnvironment(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
