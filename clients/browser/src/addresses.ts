import type { Options } from './options.js';

/** Where events go. Read each time: a page of the Go service may say it after the client has loaded. */
export function endpointOf({ endpoint, base }: Options): URL {
  const said = endpoint || window.GO_TRACK_URL;
  return said ? new URL(said, document.baseURI) : new URL('collect', base || document.baseURI);
}

/** Another of the collector's addresses, which stand beside the endpoint. */
export function besideEndpoint(name: string, options: Options): URL {
  return new URL(name, endpointOf(options));
}

/** What is said of a request stands in its query: a header of ours would cost a preflight, which page end has no time for. */
export function addressed(url: URL, options: Options, signature?: string): string {
  const query = url.searchParams;
  query.set('gt_sent_at', String(Date.now()));
  if (options.key) {
    query.set('gt_key', options.key);
  }
  if (signature) {
    query.set('gt_hmac', signature);
  }
  return url.href;
}
