import { type ErrorAnswer, HttpError } from '../http/errors.js';

export interface RejectedElement {
  /** Its place in the request. */
  readonly index: number;
  /** `path: reason` */
  readonly errors: readonly string[];
}

/** Not one event of the request is valid. */
export class AllRejectedError extends HttpError {
  override readonly name = 'AllRejectedError';

  constructor(readonly rejected: readonly RejectedElement[]) {
    super('GT_ALL_REJECTED');
  }

  override answer(): ErrorAnswer & Record<string, unknown> {
    return { ...super.answer(), status: 'rejected', accepted: 0, rejected: this.rejected };
  }
}
