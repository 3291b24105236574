/** Stands for an element of a body that is no JSON, among what the others were parsed to. */
export class MalformedElement {
  constructor(readonly reason: string) {}
}
