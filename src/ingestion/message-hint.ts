import { isFields } from '../event/fields.js';

const NO_WARNINGS: readonly string[] = [];
/** What messages of the Segment API have, and events hardly ever. */
const MEMBERS = ['event', 'properties', 'userId', 'batch'] as const;

/** Notices elements that look like messages of the Segment API: without a `type`, each becomes a page view. */
export class MessageHint {
  private count = 0;
  private first = 0;

  look(element: unknown, index: number): void {
    if (
      isFields(element) &&
      (element['type'] ?? undefined) === undefined &&
      MEMBERS.some((name) => Object.hasOwn(element, name))
    ) {
      this.first = this.count === 0 ? index : this.first;
      this.count += 1;
    }
  }

  /** One, however many elements it is about. */
  get warnings(): readonly string[] {
    return this.count === 0
      ? NO_WARNINGS
      : [
          `${this.count} element(s), the first at index ${this.first}, have no type and look like messages of the Segment API; post those to /v1/batch, /v1/track, …`,
        ];
  }
}
