import type { SchemaViolation } from '../../event/schema-violation.js';

/** Elements that are told of one by one; a body may have a hundred thousand. */
const MAX_TOLD = 10;

/** What the events of a request violate. */
export class SchemaReport {
  /** Events, by the schema that they violate. */
  readonly counts = new Map<string, number>();
  private readonly told: string[] = [];
  private accepted = 0;

  /** @param index its place in the request */
  add(index: number, { schema, errors, isRejected }: SchemaViolation): void {
    this.counts.set(schema, (this.counts.get(schema) ?? 0) + 1);
    if (isRejected) {
      return;
    }
    this.accepted += 1;
    if (this.told.length < MAX_TOLD) {
      this.told.push(
        `the element at index ${index} violates the schema of its type: ${errors.join('; ')}`,
      );
    }
  }

  /** About those that are stored all the same. */
  get warnings(): readonly string[] {
    const others = this.accepted - this.told.length;
    return others === 0
      ? this.told
      : [...this.told, `${others} more element(s) violate the schemas of their types`];
  }
}
