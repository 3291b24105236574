/** Among the elements of a body: a moment to pause. */
export const PAUSE = Symbol('pause');

/** What a body holds, in its order: anything that JSON can say, not validated yet, and `PAUSE`s. */
export type Elements = Iterable<unknown>;

/** One that is prepared in pieces. */
export class LargeElement {
  constructor(readonly value: unknown) {}
}
