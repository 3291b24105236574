import type { RejectionReason } from '../event/reasons.js';

/** Stands for an element of a body that is no event, whatever else is in it, among what the others were parsed to. */
export class UnreadElement {
  constructor(
    readonly reason: RejectionReason,
    /** For the client. */
    readonly error: string,
  ) {}
}
