import type { RejectionReason } from './reasons.js';
import type { EncodedEvent } from './stored-event.js';

/** It waits with others for the disk, so it is bytes of a bounded number, and never the value that was parsed. */
export interface Rejection {
  readonly reason: RejectionReason;
  /** `path: reason`, for the client. They never repeat a value. */
  readonly errors: readonly string[];
  /**
   * What the client sent, after privacy and sanitising, with the server's own `received_at` and
   * `server`: enough to validate it again. Undefined when it cannot be kept safely, or is too large.
   */
  readonly event: EncodedEvent | undefined;
}
