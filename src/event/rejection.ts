export type RejectionReason =
  | 'malformed'
  | 'not_an_object'
  | 'schema'
  | 'too_large'
  | 'too_deep'
  | 'too_many_fields'
  | 'type_too_long';

export interface Rejection {
  readonly reason: RejectionReason;
  /** `path: reason`, for the client. They never repeat a value. */
  readonly errors: readonly string[];
  /**
   * What the client sent, after privacy and sanitising, with the server's own `received_at` and
   * `server`: enough to validate it anew. Undefined when it cannot be kept safely.
   */
  readonly event: Readonly<Record<string, unknown>> | undefined;
}
