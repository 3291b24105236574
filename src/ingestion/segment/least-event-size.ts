import { child, type FieldRules, type Node } from '../../event/field-rules.js';
import { type Fields, isFields } from '../../event/fields.js';
import { MAX_DEPTH } from '../../event/limits.js';
import { NumberLiteral } from '../../event/number-literal.js';
import { mayHoldParameter } from '../../event/parameter-stripper.js';
import type { Work } from '../../event/work.js';
import { leastSizeOfText, type Removals, VISITOR } from '../collect/value-places.js';

/** Values between two pauses. */
const STRIDE = 4096;

const NOT_STORED: ReadonlySet<string> = new Set(['sent_at', 'received_at', 'server']);
/** Here whole members are query parameters. */
const PARAMETERS: ReadonlySet<string> = new Set(['url', 'route']);

/**
 * Looks into an event that a message has become in pieces, before it is prepared: how large it is at the least as it is
 * stored, and what else it is rejected for. What may be taken out of it, or left out of it, counts nothing. `LeastSize`
 * cannot tell that from the text: it knows the places that values have in an event.
 */
export class LeastEventSize {
  /** Bytes. */
  size = 0;
  /** Object members, all levels together. */
  fields = 0;
  isTooDeep = false;
  private seen = 0;

  private readonly parameters: boolean;
  private readonly visitor: boolean;
  private readonly fieldRules: FieldRules | undefined;

  constructor({ sanitizers, visitor, fieldRules }: Removals) {
    this.parameters = sanitizers.length > 0;
    this.visitor = visitor;
    this.fieldRules = fieldRules;
  }

  *measure(event: Fields): Work<void> {
    this.size = yield* this.ofFields(event, undefined, 1, (name) => this.fieldRules?.nodeOf(name));
  }

  private *ofFields(
    fields: Fields,
    rule: Node | undefined,
    level: number,
    ruleOf = (name: string): Node | undefined => child(rule, name),
  ): Work<number> {
    let size = 0;
    let mayCollide = false;
    for (const name in fields) {
      this.fields += 1;
      const inside = ruleOf(name);
      const value = yield* this.ofValue(fields[name], inside, level, name);
      // What is empty, or holds nothing that is certain to stay, may be left out with its name.
      if (
        value > 0 &&
        inside?.action === undefined &&
        !(level === 1 && this.isRemoved(name, fields[name]))
      ) {
        size += value + name.length + 4;
      }
      mayCollide ||= this.parameters && mayHoldParameter(name);
    }
    return mayCollide || size === 0 ? 0 : size + 1;
  }

  private isRemoved(name: string, value: unknown): boolean {
    const { parameters, visitor, fieldRules } = this;
    if (name === 'ts') {
      // One that may be a time is written again; no list or object is, and it moves into `props`.
      return typeof value !== 'object' || fieldRules !== undefined;
    }
    return (
      NOT_STORED.has(name) || (visitor && VISITOR.has(name)) || (parameters && PARAMETERS.has(name))
    );
  }

  private *ofElements(
    elements: readonly unknown[],
    rule: Node | undefined,
    level: number,
  ): Work<number> {
    let size = 1;
    for (const element of elements) {
      // Known fields hold no list of numbers: elsewhere all digits are kept.
      if (element instanceof NumberLiteral && rule === undefined) {
        size += element.text.length + 1;
        continue;
      }
      const isInside = isFields(element) || Array.isArray(element);
      const value = yield* this.ofValue(element, isInside ? rule : rule?.others, level);
      // An element that is an object or a list stays in its place, even when it is empty.
      size += isInside || rule?.others === undefined ? Math.max(value, 1) + 1 : 0;
    }
    return size;
  }

  private *ofValue(
    value: unknown,
    rule: Node | undefined,
    level: number,
    name?: string,
  ): Work<number> {
    this.seen += 1;
    if (this.seen % STRIDE === 0) {
      yield;
    }
    if (typeof value === 'string') {
      return rule === undefined ? this.ofText(value, name) : 0;
    }
    if (value === null || value === undefined) {
      return 0;
    }
    if (typeof value !== 'object' || value instanceof NumberLiteral) {
      return 1;
    }
    if (level === MAX_DEPTH) {
      this.isTooDeep = true;
      return 0;
    }
    return Array.isArray(value)
      ? yield* this.ofElements(value, rule, level + 1)
      : yield* this.ofFields(value as Fields, rule, level + 1);
  }

  private ofText(text: string, name: string | undefined): number {
    return text === '' || (this.parameters && mayHoldParameter(text))
      ? 0
      : leastSizeOfText(text.length, text.lastIndexOf('@'), name);
  }
}
