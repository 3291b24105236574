import { addressed, endpoint } from './addresses.js';
import { type Batch, bodyOf } from './batches.js';
import type { TrackedEvent } from './event.js';
import { sendByImages } from './image.js';
import { backoffMs, retryAfterMs } from './outcome.js';
import { settings } from './settings.js';
import { isSigned, loadSigning, sign } from './signing.js';

/** A collector that does not answer for so long counts as away. */
export const TIMEOUT_MS = 10_000;

/**
 * Sends a batch. Never rejects.
 * @param keepalive the request is to outlast the page
 * @param failures in a row before this
 * @returns how long to wait before it is sent again, in milliseconds; 0 when it is done with
 */
export async function send(batch: Batch, keepalive: boolean, failures: number): Promise<number> {
  const wasSigned = isSigned();
  try {
    // What is signed already is on its way before this returns: a page that ends gives no other turn.
    const signature = batch.signedAs ?? (wasSigned ? await sign(batch) : undefined);
    let response = await post(batch, keepalive, signature);
    if (response.status === 401 && !settings.key) {
      try {
        await loadSigning();
      } catch {
        return wasSigned ? backoffMs(failures) : 0;
      }
      response = await post(batch, keepalive, await sign(batch));
    }
    return retryAfterMs(response.status, response.headers.get('retry-after'), failures);
  } catch (error) {
    const hasArrived =
      (error as Error | undefined)?.name !== 'TimeoutError' &&
      (await sendOtherwise(batch).catch(() => false));
    return hasArrived ? 0 : backoffMs(failures);
  }
}

/** A text as body, no header and no credentials: the browser asks no preflight. */
async function post(
  batch: Batch,
  keepalive: boolean,
  signature: string | undefined,
): Promise<Response> {
  if (document.hidden && !('keepalive' in Request.prototype)) {
    throw new TypeError();
  }
  const response = await fetch(addressed(endpoint(), signature), {
    method: 'POST',
    body: bodyOf(batch),
    keepalive,
    credentials: 'omit',
    signal: AbortSignal.timeout?.(TIMEOUT_MS) ?? null,
  });
  // Until its answer has been read, a request counts among those that the browser lets a page have in flight.
  await response.text();
  return response;
}

/** @returns whether it has arrived, which a beacon never tells */
async function sendOtherwise(batch: Batch): Promise<boolean> {
  const body = bodyOf(batch);
  return (
    !(document.hidden && navigator.sendBeacon(addressed(endpoint(), batch.signedAs), body)) &&
    sendByImages(JSON.parse(body) as TrackedEvent[])
  );
}
