import { HttpError } from '../../http/errors.js';

/** @param waitMs until the same request may succeed */
export function rateLimited(waitMs: number): HttpError {
  return new HttpError('GT_RATE_LIMIT', undefined, {
    retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1000)),
  });
}
