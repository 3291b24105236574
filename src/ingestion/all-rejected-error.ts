import { type ErrorAnswer, HttpError } from '../http/errors.js';
import type { Rejections } from './rejected/rejections.js';

/** Not one event of the request is valid. */
export class AllRejectedError extends HttpError {
  override readonly name = 'AllRejectedError';

  constructor(readonly rejected: Rejections) {
    super('GT_ALL_REJECTED');
  }

  override answer(): ErrorAnswer & Record<string, unknown> {
    const rejected: unknown = JSON.parse(this.rejected.json());
    return { ...super.answer(), status: 'rejected', accepted: 0, rejected };
  }
}
