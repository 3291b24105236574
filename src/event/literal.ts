/** A part of a client's value that is written as it stands, and looked at by nobody. */
export abstract class Literal {
  /** Whether every sink can store its numbers. */
  abstract readonly isStorable: boolean;
}
