/** A pause after what may have taken much longer than the others do. */
export const LONG = Symbol('long');

/** A computation that pauses often, after about half a millisecond, so that others get their turn. */
export type Work<T> = Generator<typeof LONG | undefined, T, void>;

/** The result of a computation that nobody interrupts. */
export function resultOf<T>(work: Work<T>): T {
  for (;;) {
    const step = work.next();
    if (step.done) {
      return step.value;
    }
  }
}
