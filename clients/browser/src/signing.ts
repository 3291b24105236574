import { endpoint } from './addresses.js';
import { type Batch, bodyOf } from './batches.js';
import { isOn, settings } from './settings.js';

declare global {
  interface Window {
    /** What the collector's `hmac.js` leaves behind. */
    GoTrackHMAC?: { sign(body: string): Promise<string> };
  }
}

let loading: Promise<unknown> | undefined;

/** Whether the collector wants signatures, as far as is known. A key takes their place. */
export function isSigned(): boolean {
  return !settings.key && (isOn(settings.hmac) || !!window.GoTrackHMAC);
}

/**
 * Loads the collector's script, which holds the key of this client's address; loaded again, it brings the new one.
 * Rejects when that fails.
 */
export function loadSigning(): Promise<unknown> {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.onload = resolve;
    script.onerror = (event) => {
      script.remove();
      reject(event);
    };
    script.nonce = settings.nonce ?? '';
    script.src = new URL('hmac.js', endpoint()).href;
    document.head.append(script);
  }).finally(() => (loading = undefined));
  return loading;
}

/** Rejects where there is no key, and where the browser cannot sign (without HTTPS). */
export async function sign(batch: Batch): Promise<string> {
  const { events } = batch;
  if (!window.GoTrackHMAC) {
    await loadSigning();
  }
  const signature = await window.GoTrackHMAC!.sign(bodyOf(batch));
  if (batch.events === events) {
    batch.signedAs = signature;
  }
  return signature;
}

/** Gives each batch that has none its signature, as soon as that is made: at page end there is no time for it. */
export function signAhead(batches: readonly Batch[]): void {
  for (const batch of isSigned() ? batches : []) {
    if (!batch.signedAs) {
      sign(batch).catch(() => {});
    }
  }
}
