import { type Collector, inParallel } from '../test/support/servers/collector.js';

/** Sends so many events, made by `eventAt`, so many a request, and sees each request accepted. */
export async function queueEvents(
  collector: Collector,
  count: number,
  eventAt: (n: number) => object,
  perRequest = 500,
): Promise<void> {
  const requests = Array.from({ length: count / perRequest }, (_, request) => async () => {
    const first = request * perRequest;
    const events = Array.from({ length: perRequest }, (__, n) => eventAt(first + n));
    const response = await fetch(`${collector.url}/collect`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(events),
    });
    const answer = await response.text();
    if (response.status !== 202 || !answer.includes(`"accepted":${perRequest}`)) {
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
