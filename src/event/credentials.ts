import { type Fields, isFields, setField } from './fields.js';
import { LongLists } from './long-lists.js';
import type { Work } from './work.js';

/** A scheme and a user. A browser needs no slashes after the schemes that it knows. */
const ADDRESS_USER =
  /^(\s*(?:blob:|view-source:)?(?:(?:https?|wss?|ftp):[/\\]*|[a-z][a-z\d+.-]*:\/\/))[^/\\?#\s]*@/i;
/** Without a scheme it is an address only where one is expected. */
const RELATIVE_USER = /^(\s*[/\\]{2,})[^/\\?#]*@/;
const BARE_USER =
  /^\s*(?!(?:about|acct|data|file|im|javascript|mailto|sips?|sms|tel|urn|xmpp):)[^/\\?#@:\s]+:[^/\\?#\s]*@/i;

/** Members that hold an address, by group. */
const ADDRESSES: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ['url', new Set(['referrer'])],
  ['route', new Set(['canonical_url'])],
  ['props', new Set(['url'])],
]);

/** The address without user name and password, else as it is. */
export function withoutCredentials(address: string): string {
  if (!address.includes('@')) {
    return address;
  }
  const rest = address
    .replace(ADDRESS_USER, '$1')
    .replace(RELATIVE_USER, '$1')
    .replace(BARE_USER, '');
  // A browser reads over blanks and line ends that no pattern foresees.
  const parsed = URL.parse(rest);
  if (parsed === null || (parsed.username === '' && parsed.password === '')) {
    return rest;
  }
  parsed.username = '';
  parsed.password = '';
  return parsed.href;
}

/**
 * The event without user names and passwords in its texts that are an address, the same object when
 * there are none. Not for values deeper than `MAX_DEPTH`.
 * @param lists fills long lists later; they are copied then
 */
export function withoutCredentialsInside<T extends object>(event: T, lists?: LongLists): T {
  let copy: T | undefined;
  for (const name in event) {
    const value: unknown = event[name];
    if (name === 'event_id') {
      continue;
    }
    const kept = isFields(value)
      ? inFields(value, lists, ADDRESSES.get(name))
      : inValue(value, lists);
    if (kept !== value) {
      copy ??= { ...event };
      setField(copy as Fields, name, kept);
    }
  }
  return copy ?? event;
}

/** The same in pieces for an event with long lists. */
export function* withoutCredentialsInPieces<T extends object>(event: T): Work<T> {
  const lists = new LongLists();
  const clean = withoutCredentialsInside(event, lists);
  yield* lists.fill();
  return clean;
}

/** The same for a list of a client's own data. */
export function withoutCredentialsInList(list: readonly unknown[]): readonly unknown[] {
  return inValue(list) as readonly unknown[];
}

function inFields(fields: Fields, lists?: LongLists, addresses?: ReadonlySet<string>): Fields {
  let copy: Fields | undefined;
  for (const name in fields) {
    const value = fields[name];
    const kept =
      typeof value === 'string' && addresses?.has(name)
        ? withoutCredentials(value)
        : inValue(value, lists);
    if (kept !== value) {
      copy ??= { ...fields };
      setField(copy, name, kept);
    }
  }
  return copy ?? fields;
}

function inValue(value: unknown, lists?: LongLists): unknown {
  if (typeof value === 'string') {
    return value.includes('@') ? value.replace(ADDRESS_USER, '$1') : value;
  }
  if (Array.isArray(value)) {
    const kept =
      lists?.made(value, (made, element) => made.push(inValue(element, lists))) ??
      value.map((element) => inValue(element));
    // A list that is still to be filled is another one already.
    return kept.length < value.length || kept.some((element, index) => element !== value[index])
      ? kept
      : value;
  }
  return isFields(value) ? inFields(value, lists) : value;
}
