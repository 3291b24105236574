import { addressed, endpointOf } from './addresses.js';
import { addToBatches, type Batch, bodyOf } from './batches.js';
import type { Options } from './options.js';
import { backoffMs, retryAfterMs } from './outcome.js';

/** Events that come one after the other share a request. */
const BATCH_MS = 200;
/** What waits while the collector is away; the oldest gives way. */
const MAX_BATCHES = 20;

/** Events on their way to the collector, in memory: what has not arrived when the page ends is tried once more, then lost. */
export function createLiteOutbox(options: Options): {
  add(event: object): void;
  end(): void;
  clear(): void;
} {
  let waiting: Batch[] = [];
  let failures = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function add(event: object): void {
    addToBatches(waiting, JSON.stringify(event), () => '');
    timer ??= setTimeout(flush, document.hidden ? 0 : BATCH_MS);
  }

  function end(): void {
    const ended = waiting;
    waiting = [];
    ended.forEach(send);
  }

  async function flush(): Promise<void> {
    let wait = 0;
    let batch: Batch | undefined;
    while (!wait && (batch = waiting.shift())) {
      wait = await send(batch);
    }
    timer = wait ? setTimeout(flush, wait) : undefined;
  }

  async function send(batch: Batch): Promise<number> {
    let wait: number;
    try {
      const response = await fetch(addressed(endpointOf(options), options), {
        method: 'POST',
        body: bodyOf(batch),
        keepalive: true,
        credentials: 'omit',
      });
      wait = retryAfterMs(response.status, response.headers.get('retry-after'), failures);
    } catch {
      wait = backoffMs(failures);
    }
    failures = wait ? failures + 1 : 0;
    if (wait) {
      waiting = [batch, ...waiting].slice(-MAX_BATCHES);
      timer ??= setTimeout(flush, wait);
    }
    return wait;
  }

  return {
    add,
    end,
    clear() {
      waiting = [];
    },
  };
}
