/** The queue on disk cannot be used as it is; the message says what to do. */
export class QueueStartError extends Error {
  override readonly name = 'QueueStartError';
}
