import type { Work } from '../event/work.js';

/** Among the elements of a body: a moment to pause. */
export const PAUSE = Symbol('pause');

/** Does a work where the elements of a body are made: its pauses are theirs. */
export function* amongElements<T>(work: Work<T>): Generator<typeof PAUSE, T> {
  for (;;) {
    const step = work.next();
    if (step.done) {
      return step.value;
    }
    yield PAUSE;
  }
}

/** What a body holds, in its order: anything that JSON can say, not validated yet, and `PAUSE`s. */
export type Elements = Iterable<unknown>;

/** One that is prepared in pieces. */
export class LargeElement {
  constructor(readonly value: unknown) {}
}
