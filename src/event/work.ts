/** A computation that pauses often, after about half a millisecond, so that others get their turn. */
export type Work<T> = Generator<void, T, void>;
