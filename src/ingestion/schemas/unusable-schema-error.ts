/** A file cannot be used as the schema of a type. The message has no path and nothing of an event. */
export class UnusableSchemaError extends Error {
  override readonly name = 'UnusableSchemaError';
}
