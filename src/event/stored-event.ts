/** An event's JSON as it is stored everywhere: one object, one line, valid UTF-8, no newline. */
export type EncodedEvent = Buffer;

export interface StoredEvent {
  /** Its place in the queue's one sequence; grows by one from event to event. */
  readonly position: number;
  readonly json: EncodedEvent;
}
