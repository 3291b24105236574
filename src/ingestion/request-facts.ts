import type { IncomingHttpHeaders } from 'node:http';

/**
 * What is known of a request, found out once: admission makes it and adds what its steps find out, enrichment reads
 * it. A step that adds a fact declares it here.
 */
export interface RequestFacts {
  /** Milliseconds since the epoch. */
  readonly receivedAtMs: number;
  /** The client's clock when the request left, if it says so for all events: milliseconds since the epoch. */
  readonly sentAtMs?: number | undefined;
  /** The Referer without `gt_key`, `gt_hmac` and `gt_sent_at`. */
  readonly headers: IncomingHttpHeaders;
  /** As it was sent, without `?` and those three. */
  readonly query: string;
  /** The client's, in canonical text; undefined when the connection is gone already. It is never stored as it is. */
  readonly address: string | undefined;
  /** The other end of the connection is one of TRUST_PROXY: what such proxies write into headers may be believed. */
  readonly viaTrustedProxy?: boolean | undefined;
  /** The name of whose key came with it. */
  source?: string;
  /** Its key is that of a server, which may name the clients that its events are about. */
  isFromServer?: boolean;
  /** An SDK sent it, which has a User-Agent of its own: that header is the client's here, and absent if it is not known. */
  readonly isFromSdk?: boolean;
}
