/**
 * The script that signs what the page sends. It wraps `fetch`, so that it may load before the client or after it, and
 * signs a request only where its client has put the marker: requests of the page itself are left alone. Loaded again,
 * it takes the new key. `GoTrackHMAC.sign` is for a client that signs by itself.
 */
export function hmacScript(key: Buffer): string {
  return `(() => {
  'use strict';
  const NAME = 'X-GoTrack-HMAC';
  const MARKER = 'tracking';
  const KEPT = ['method', 'mode', 'credentials', 'cache', 'redirect', 'referrer', 'referrerPolicy',
    'integrity', 'keepalive', 'signal'];
  const subtle = globalThis.crypto && crypto.subtle;
  if (!subtle) return;
  const bytes = Uint8Array.from(atob('${key.toString('base64')}'), (c) => c.charCodeAt(0));
  const key = subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  const known = globalThis.GoTrackHMAC;
  if (known) {
    known.key = key;
    return;
  }
  const own = (globalThis.GoTrackHMAC = { key, sign });
  const fetch = globalThis.fetch;

  async function sign(body) {
    const data = typeof body === 'string' ? new TextEncoder().encode(body) : body;
    const signature = new Uint8Array(await subtle.sign('HMAC', await own.key, data));
    return Array.from(signature, (byte) => byte.toString(16).padStart(2, '0')).join('');
  }

  async function signed(input, init) {
    const request = new Request(input, init);
    const body = await request.arrayBuffer();
    const options = { ...init };
    if (input instanceof Request) {
      for (const name of KEPT) options[name] = request[name];
    }
    const headers = (options.headers = new Headers(request.headers));
    headers.set(NAME, await sign(body));
    options.body = body;
    return [request.url, options];
  }

  function isMarked(input, init) {
    const headers = (init && init.headers) || (input instanceof Request && input.headers);
    return Boolean(headers) && new Headers(headers).get(NAME) === MARKER;
  }

  globalThis.fetch = function (input, init) {
    if (!isMarked(input, init)) return fetch.apply(this, arguments);
    return signed(input, init).then(([target, options]) => fetch.call(this, target, options));
  };
})();
`;
}
