import type { IncomingHttpHeaders } from 'node:http';

/**
 * What is known of a request, found out once: admission makes it and adds what its steps find out, enrichment reads
 * it. A step that adds a fact declares it here.
 */
export interface RequestFacts {
  /** Milliseconds since the epoch. */
  readonly receivedAtMs: number;
  /** The Referer without the key and the signature. */
  readonly headers: IncomingHttpHeaders;
  /** As it was sent, without `?`, the key and the signature. */
  readonly query: string;
  /** The client's, in canonical text; undefined when the connection is gone already. It is never stored as it is. */
  readonly address: string | undefined;
  /** The name of whose key came with it. */
  source?: string;
  /** Its key is that of a server, which may speak for its own clients. */
  isFromServer?: boolean;
}
