import { besideEndpoint } from './addresses.js';
import { isOn, type Options } from './options.js';

declare global {
  interface Window {
    /** What the collector's `hmac.js` leaves behind. */
    GoTrackHMAC?: { sign(body: string): Promise<string> };
  }
}

let loading: Promise<unknown> | undefined;

/** Whether the collector wants signatures, as far as is known. A key takes their place. */
export function isSigned({ key, hmac }: Options): boolean {
  return !key && (isOn(hmac, false) || !!window.GoTrackHMAC);
}

/**
 * Loads the collector's script, which holds the key of this client's address; loaded again, it brings the new one.
 * Rejects when that fails.
 */
export function loadSigning(options: Options): Promise<unknown> {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.onload = resolve;
    script.onerror = reject;
    script.nonce = options.nonce ?? '';
    script.src = besideEndpoint('hmac.js', options).href;
    document.head.append(script);
  }).finally(() => (loading = undefined));
  return loading;
}

/** Rejects where there is no key, and where the browser cannot sign (without HTTPS). */
export async function sign(body: string, options: Options): Promise<string> {
  if (!window.GoTrackHMAC) {
    await loadSigning(options);
  }
  return window.GoTrackHMAC!.sign(body);
}
