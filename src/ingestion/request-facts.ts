import type { IncomingHttpHeaders } from 'node:http';

/**
 * What is known of a request, found out once: admission makes it and adds what its steps find out, enrichment reads
 * it. A step that adds a fact declares it here.
 */
export interface RequestFacts {
  /** Milliseconds since the epoch. */
  readonly receivedAtMs: number;
  readonly headers: IncomingHttpHeaders;
  /** As it was sent, without `?`. */
  readonly query: string;
  /** The client's, in canonical text; undefined when the connection is gone already. It is never stored as it is. */
  readonly address: string | undefined;
}
