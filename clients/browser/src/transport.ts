import { addressed, endpointOf } from './addresses.js';
import { type Batch, bodyOf } from './batches.js';
import type { TrackedEvent } from './event.js';
import { sendByImages } from './image.js';
import type { Options } from './options.js';
import { backoffMs, retryAfterMs } from './outcome.js';
import { isSigned, loadSigning, sign } from './signing.js';

/** A collector that does not answer for so long counts as away. */
export const TIMEOUT_MS = 10_000;

/**
 * Sends a batch. Never rejects.
 * @param keepalive the request is to outlast the page
 * @param failures in a row before this
 * @returns how long to wait before it is sent again, in milliseconds; 0 when it is done with
 */
export async function send(
  batch: Batch,
  options: Options,
  keepalive: boolean,
  failures: number,
): Promise<number> {
  const body = bodyOf(batch);
  const wasSigned = isSigned(options);
  try {
    // What is signed already is on its way before this returns: a page that ends gives no other turn.
    const signature = batch.signature ?? (wasSigned ? await sign(body, options) : undefined);
    let response = await post(body, options, keepalive, signature);
    if (response.status === 401 && !options.key) {
      try {
        await loadSigning(options);
      } catch {
        return wasSigned ? backoffMs(failures) : 0;
      }
      response = await post(body, options, keepalive, await sign(body, options));
    }
    return retryAfterMs(response.status, response.headers.get('retry-after'), failures);
  } catch (error) {
    const hasArrived =
      (error as Error).name !== 'TimeoutError' &&
      (await sendOtherwise(body, options, batch.signature).catch(() => false));
    return hasArrived ? 0 : backoffMs(failures);
  }
}

/** A text as body, no header and no credentials: the browser asks no preflight. */
function post(
  body: string,
  options: Options,
  keepalive: boolean,
  signature: string | undefined,
): Promise<Response> {
  if (document.hidden && !('keepalive' in Request.prototype)) {
    throw new TypeError();
  }
  return fetch(addressed(endpointOf(options), options, signature), {
    method: 'POST',
    body,
    keepalive,
    credentials: 'omit',
    signal: AbortSignal.timeout?.(TIMEOUT_MS) ?? null,
  });
}

/** @returns whether it has arrived, which a beacon never tells */
async function sendOtherwise(
  body: string,
  options: Options,
  signature: string | undefined,
): Promise<boolean> {
  const address = addressed(endpointOf(options), options, signature);
  return (
    !(document.hidden && navigator.sendBeacon(address, body)) &&
    sendByImages(JSON.parse(body) as TrackedEvent[], options)
  );
}
