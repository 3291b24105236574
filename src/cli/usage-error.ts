/** The command line was not understood. */
export class UsageError extends Error {
  override readonly name = 'UsageError';

  /** @param usage of the command that was probably meant, if there is one */
  constructor(
    message: string,
    readonly usage?: string,
  ) {
    super(message);
  }
}
