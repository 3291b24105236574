import type { RejectionReason } from './reasons.js';

export interface Rejection {
  readonly reason: RejectionReason;
  /** `path: reason`, for the client. They never repeat a value. */
  readonly errors: readonly string[];
  /**
   * What the client sent, after privacy and sanitising, with the server's own `received_at` and
   * `server`: enough to validate it again. Undefined when it cannot be kept safely.
   */
  readonly event: Readonly<Record<string, unknown>> | undefined;
}
