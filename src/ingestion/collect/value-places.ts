import type { FieldRules, Node } from '../../event/field-rules.js';
import { isKnownField } from '../../event/known-fields.js';
import type { Sanitizer } from '../../event/sanitize.js';
import type { OpenValue } from './open-value.js';

/** What is taken out of the events of a request before they are stored. */
export interface Removals {
  /** One of them strips query parameters. */
  readonly sanitizers: readonly Sanitizer[];
  /** `session` and `user`. */
  readonly visitor: boolean;
  readonly fieldRules: FieldRules | undefined;
  /** The operator's schemas may be for any value of the events: no list is encoded before they have checked it. */
  readonly isChecked?: boolean;
}

const DISCARDED: ReadonlySet<string> = new Set(['received_at', 'server']);
/** Not stored of a visitor who asks not to be tracked. */
export const VISITOR: ReadonlySet<string> = new Set(['session', 'user']);
/** An address loses user and password, and may then be written another way. */
const ADDRESSES: ReadonlySet<string> = new Set(['referrer', 'canonical_url', 'url']);
/** Members of the event's groups that are, or hold, query parameters. */
const PARAMETERS: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ['route', new Set(['query'])],
  [
    'url',
    new Set(['utm', 'google', 'meta', 'microsoft', 'other_click_ids', 'raw_query', 'query_size']),
  ],
]);
/** Members of the event's groups that are the client's own data. */
const FREE_MEMBERS: ReadonlyMap<string, string> = new Map([
  ['route', 'query'],
  ['user', 'traits'],
]);
/** Members of `context` that `takeClient` looks at, whatever rule is for them. */
const CLIENT: ReadonlySet<string> = new Set(['ip', 'userAgent']);
export type Kind = 'scalar' | 'object' | 'list';

/** Says what becomes of values by their places in an event. The members of the event itself are on level 1. */
export class ValuePlaces {
  constructor(private readonly removals: Removals) {}

  isRemoved(level: number, name: string, { rule, becomes, group }: OpenValue, kind: Kind): boolean {
    const { sanitizers, visitor, fieldRules } = this.removals;
    if (rule?.action === 'drop' || (rule?.action === 'hash' && kind === 'scalar')) {
      return true;
    }
    if (becomes !== undefined) {
      return true;
    }
    if (level === 2 && sanitizers.length > 0) {
      return kind !== 'list' && PARAMETERS.get(group as string)?.has(name) === true;
    }
    if (level > 1) {
      return false;
    }
    if (name === 'ts') {
      // One that may be a time is written again; no list or object is, and it moves into `props`.
      return kind === 'scalar' || fieldRules !== undefined;
    }
    return name === 'sent_at' || DISCARDED.has(name) || (visitor && VISITOR.has(name));
  }

  /** And nothing looks at it. */
  isNeverStored(level: number, name: string): boolean {
    return level === 1 && (DISCARDED.has(name) || (this.removals.visitor && VISITOR.has(name)));
  }

  /** Whether the value that comes next is an object of the client's own data. */
  isFreeGroup(level: number, name: string, { group }: OpenValue): boolean {
    return level === 1
      ? name === 'props' || name === 'context'
      : level === 2 && FREE_MEMBERS.get(group as string) === name;
  }

  /** Whether the value that comes next is the client's own data, that has no schema, and nothing looks at. */
  isFree(level: number, holder: OpenValue | undefined): boolean {
    const name = holder?.name;
    if (holder === undefined || name === undefined) {
      return holder?.isFree ?? false;
    }
    return (level === 1 && this.isFreeTime(name)) || this.isFreeMember(level, name, holder);
  }

  /** A list is no time: `ts` moves into `props` then, and `sent_at` is kept of a rejected event only. */
  private isFreeTime(name: string): boolean {
    return name === 'sent_at' || (name === 'ts' && this.ruleOf('client_ts') === undefined);
  }

  ruleOf(name: string): Node | undefined {
    return this.removals.fieldRules?.nodeOf(name);
  }

  /** Whether a list that comes next in it, and has no rule, is stored as it is. */
  isEncodable(level: number, holder: OpenValue | undefined, outer: string | undefined): boolean {
    const { fieldRules, isChecked } = this.removals;
    if (isChecked || fieldRules === undefined) {
      return !isChecked;
    }
    // A rule may be for the name that a field gets when it moves into `props`.
    const group = level === 1 ? holder?.name : outer;
    const isMoved = group === undefined || !(isKnownField(group) || group === 'context');
    return !isMoved && holder?.becomes === undefined;
  }

  isFreeMember(level: number, name: string, holder: OpenValue): boolean {
    if (holder.becomes !== undefined && this.removals.fieldRules !== undefined) {
      // They go by the name that it gets.
      return false;
    }
    if (level === 2 && holder.group === 'context' && CLIENT.has(name)) {
      return false;
    }
    const isFree = (one: string): boolean => !isKnownField(one) && one !== 'context';
    const names = holder.becomes ?? new Set([name]);
    return level > 1 ? holder.isFree : [...names].every((one) => isFree(one));
  }
}

/**
 * What is stored of a text at the least, when no parameter is taken out of it.
 * @param length characters, at least one
 * @param at where its last @ is; -1 when there is none
 * @param name its own, of a member
 */
export function leastSizeOfText(length: number, at: number, name: string | undefined): number {
  if (at !== -1 && name !== undefined && ADDRESSES.has(name)) {
    return 0;
  }
  // What stands before the last @ may be a user and a password. A query may lose a question mark.
  return length - (at + 1) + 1;
}
