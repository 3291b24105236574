import type { Node } from '../../event/field-rules.js';
import { MAX_FIELDS } from '../../event/limits.js';

/** What a value adds to the event that holds it. */
export interface Share {
  /** Bytes that are stored of it at the least. */
  size: number;
  /** Object members, all levels together. */
  fields: number;
  /** Containers that are nested too deep. */
  tooDeep: number;
  /** Numbers that can't be stored. */
  unstorable: number;
}

/** A member of an object: the place of its value in the text, and what it adds. */
export interface Member extends Share {
  readonly start: number;
  readonly end: number;
}

/** An object or a list whose end has not been read yet. */
export class OpenValue {
  /** The name of the member whose value comes next. */
  name: string | undefined;
  /** For the value that comes next. */
  rule: Node | undefined;
  /** What sanitizers make of that name, if it is another one. */
  becomes: Set<string> | undefined;
  /** What happens to the value itself. */
  readonly own: Node | undefined;
  /** Its name, of a member. */
  readonly group: string | undefined;
  /** It is a list that is stored as it is. */
  readonly isEncoded: boolean;
  /** It is, or is inside, one. */
  private readonly isInsideEncoded: boolean;
  private size = 0;
  private fields = 0;
  private tooDeep = 0;
  private unstorable = 0;
  private members: Map<string, Member> | undefined;
  private changedNames: Set<string> | undefined;

  /**
   * @param isFree what is inside has no schema
   * @param isEncodable it may be stored as it is, unless a rule is for it
   */
  constructor(
    readonly start: number,
    readonly isList: boolean,
    holder: OpenValue | undefined,
    readonly isFree: boolean,
    isEncodable: boolean,
  ) {
    this.own = holder?.rule;
    this.group = holder?.name;
    this.rule = isList ? this.own : undefined;
    const isInside = holder?.isInsideEncoded ?? false;
    this.isEncoded = isList && isEncodable && this.own === undefined && !isInside;
    this.isInsideEncoded = isInside || this.isEncoded;
  }

  add({ size, fields, tooDeep, unstorable }: Share): void {
    this.size += size;
    this.fields += fields;
    this.tooDeep += tooDeep;
    this.unstorable += unstorable;
  }

  /** @param becomes what sanitizers make of the name, if it is another one */
  begin(name: string, rule: Node | undefined, becomes: Set<string> | undefined): void {
    this.name = name;
    this.rule = rule;
    this.becomes = becomes;
    for (const changed of becomes ?? []) {
      this.changedNames ??= new Set();
      this.changedNames.add(changed);
    }
  }

  /**
   * Counts the last one of a name. In an object with more names than an event may have, that is so for the first ones.
   * @returns the one before, which no longer counts
   */
  addMember(name: string, member: Member): Member | undefined {
    this.members ??= new Map();
    const before = this.members.get(name);
    if (before === undefined) {
      this.fields += 1;
    } else {
      this.size -= before.size;
      this.fields -= before.fields;
      this.tooDeep -= before.tooDeep;
      this.unstorable -= before.unstorable;
    }
    this.add(member);
    if (before !== undefined || this.members.size <= MAX_FIELDS) {
      this.members.set(name, member);
    }
    return before;
  }

  get share(): Share {
    const { fields, tooDeep, unstorable } = this;
    return { size: this.isList ? this.size + 1 : this.sizeOfObject(), fields, tooDeep, unstorable };
  }

  private sizeOfObject(): number {
    let { size } = this;
    // A member may take the place of another one when a sanitizer has changed its name.
    for (const name of this.changedNames ?? []) {
      size -= this.members?.get(name)?.size ?? 0;
    }
    return size === 0 ? 0 : size + 1;
  }
}
