import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Node keeps at its socket what is under way on it, and documents no other place to find it. */
export type AnsweringSocket = Socket & {
  /** The response whose turn it is. */
  readonly _httpMessage?: ServerResponse | null;
  /** With the request that came last, until it has arrived and was answered. */
  readonly parser?: { readonly incoming: IncomingMessage | null } | null;
};
