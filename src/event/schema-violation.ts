/** Stands for all types without a schema of their own. */
export const OTHER_TYPES = '*';

/** An event is not what the operator's schema for its type asks for. */
export interface SchemaViolation {
  /** The type that the schema is for, or `OTHER_TYPES`. There are as many as schemas. */
  readonly schema: string;
  /** `path: reason`, as the schema names them; nothing of the event. */
  readonly errors: readonly string[];
  /** It is not to be stored. */
  readonly isRejected: boolean;
}
