import { addressed, endpoint } from './addresses.js';
import { addToBatches, type Batch, bodyOf } from './batches.js';
import { backoffMs, retryAfterMs } from './outcome.js';

/*
 * Events on their way to the collector, in memory: what cannot be sent before the page ends is lost.
 */

/** Events that come one after the other share a request. */
const BATCH_MS = 200;
/** What waits while the collector is away; the oldest gives way. */
const MAX_BATCHES = 20;

/** While false, nothing is taken or sent. */
export let isAllowed = false;
let waiting: Batch[] = [];
let failures = 0;
let timer: ReturnType<typeof setTimeout> | undefined;

/** @param allowed false: what waits is forgotten, too */
export function allowLite(allowed: boolean): void {
  isAllowed = allowed;
  if (!allowed) {
    waiting = [];
  }
}

/** Throws what `JSON.stringify` throws. */
export function enqueueLite(event: object): void {
  addToBatches(waiting, JSON.stringify(event));
  flushIn(document.hidden ? 0 : BATCH_MS);
}

export function endLite(): void {
  let batch: Batch | undefined;
  // Taken out last: Firefox cuts a listener off when it closes the page, and the next one does the rest.
  while ((batch = waiting[0])) {
    void deliver(batch);
    waiting.shift();
  }
}

function flushIn(ms: number): void {
  timer ??= setTimeout(() => void flush(), ms);
}

async function flush(): Promise<void> {
  let wait = 0;
  let batch: Batch | undefined;
  while (!wait && (batch = waiting.shift())) {
    wait = await deliver(batch);
  }
  timer = undefined;
  if (wait) {
    flushIn(wait);
  }
}

/** @returns how long to wait before it is sent again, in milliseconds; 0 when it is done with */
async function deliver(batch: Batch): Promise<number> {
  const wait = await send(batch);
  failures = wait ? failures + 1 : 0;
  if (wait && isAllowed) {
    waiting = [batch, ...waiting].slice(-MAX_BATCHES);
    flushIn(wait);
  }
  return wait;
}

async function send(batch: Batch): Promise<number> {
  try {
    const response = await fetch(addressed(endpoint()), {
      method: 'POST',
      body: bodyOf(batch),
      keepalive: true,
      credentials: 'omit',
    });
    // Until its answer has been read, a request counts among those that the browser lets a page have in flight.
    await response.text();
    return retryAfterMs(response.status, response.headers.get('retry-after'), failures);
  } catch {
    return backoffMs(failures);
  }
}
