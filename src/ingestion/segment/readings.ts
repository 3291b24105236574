import { type Fields, isFields, setField, unlessEmpty } from '../../event/fields.js';
import { flatText } from '../../event/flat-text.js';
import { NumberLiteral } from '../../event/number-literal.js';
import { addPage, pageAt } from '../../event/page.js';
import { withoutQuestionMark } from '../../event/query.js';
import { BoundedTable } from '../bounded-table.js';
import type { Reading } from './mapping.js';

/** An event in the making. Its objects are our own, but for `props`, `user.traits`, and what is in them. */
export interface Draft {
  readonly event: Fields;
  /** The client's address, as the message names it. */
  address: unknown;
}

/** Puts a value where it belongs. @returns false when the value is of another kind, or its place is taken */
export type Reader = (draft: Draft, value: unknown) => boolean;

/** What a page that nobody came from a link to says of its referrer. */
const NO_REFERRER = '$direct';

type Put = (event: Fields, value: unknown) => boolean;

const isText = (value: unknown): value is string => typeof value === 'string';

/** Empty texts say nothing. */
const READERS: Readonly<Record<Reading, (put: Put) => Reader>> = {
  text: (put) => (draft, value) => isText(value) && (value === '' || put(draft.event, value)),
  id: (put) => (draft, value) => {
    const text = idOf(value);
    return text !== undefined && (text === '' || put(draft.event, text));
  },
  number: (put) => (draft, value) => typeof value === 'number' && put(draft.event, value),
  boolean: (put) => (draft, value) => typeof value === 'boolean' && put(draft.event, value),
  object: (put) => (draft, value) => isFields(value) && put(draft.event, value),
  time: (put) => (draft, value) => put(draft.event, value),
  'sent at': (put) => (draft, value) => put(draft.event, value),
  traits: () => (draft, value) => isFields(value) && addTraits(draft.event, value),
  page: () => (draft, value) => isText(value) && putPage(draft.event, value),
  query: (put) => (draft, value) =>
    isText(value) && (value === '' || put(draft.event, withoutQuestionMark(value))),
  referrer: () => (draft, value) => isText(value) && putReferrer(draft.event, value),
  address: () => (draft, value) => {
    draft.address = value;
    return true;
  },
  key: () => () => true,
};

/** @param to names of fields, from the event inwards */
export function readerOf(as: Reading, to: readonly string[]): Reader {
  return READERS[as](putterOf(to));
}

/** What a reading wants, for the sender of something else. */
export const WANTED: Readonly<Partial<Record<Reading, string>>> = {
  id: 'must be a text or a number',
  object: 'must be an object',
};

function idOf(value: unknown): string | undefined {
  if (typeof value === 'string') {
    return value;
  }
  if (typeof value === 'number') {
    return String(value);
  }
  return value instanceof NumberLiteral ? value.text : undefined;
}

/** Sets a field unless another value is there already. The names come from the mapping, never from a client. */
function putterOf(to: readonly string[]): (event: Fields, value: unknown) => boolean {
  const groups = to.slice(0, -1);
  const last = to.at(-1) ?? '';
  return (event, value) => {
    let fields = event;
    for (let level = 0; level < groups.length; level += 1) {
      fields = (fields[groups[level] as string] ??= to[level + 1] === '0' ? [] : {}) as Fields;
    }
    const before = fields[last];
    if (before === undefined) {
      fields[last] = value;
      return true;
    }
    return before === value;
  };
}

function group(event: Fields, name: string): Fields {
  return (event[name] ??= {}) as Fields;
}

interface PageFields {
  readonly route: Fields;
  readonly url: Fields;
}

/** A visitor's messages are mostly of a few pages: to read an address takes as long as half of a message. */
const MAX_ADDRESSES = 512;
const MAX_KEPT_LENGTH = 1024;
const pages = new BoundedTable<PageFields>(MAX_ADDRESSES);
const hostnames = new BoundedTable<string>(MAX_ADDRESSES);

function putPage(event: Fields, address: string): boolean {
  if (address === '') {
    return true;
  }
  const page = pages.get(address) ?? readPage(address);
  if (page === undefined) {
    return false;
  }
  const url = laidOver(page.url, event['url']);
  if (url['utm'] !== undefined) {
    url['utm'] = { ...(url['utm'] as Fields) };
  }
  event['url'] = unlessEmpty(url);
  event['route'] = laidOver(page.route, event['route']);
  return true;
}

/** A copy of one object takes a tenth of the time of a copy of two. */
function laidOver(over: Fields, under: unknown): Fields {
  return under === undefined ? { ...over } : { ...(under as Fields), ...over };
}

/** What is read is shared by events, which must change nothing in it. */
function readPage(address: string): PageFields | undefined {
  const page = pageAt(address, '');
  if (page === null) {
    return undefined;
  }
  const fields: PageFields = { route: {}, url: {} };
  addPage(page, fields.route, fields.url);
  if (address.length <= MAX_KEPT_LENGTH) {
    pages.set(address, fields);
  }
  return fields;
}

function putReferrer(event: Fields, referrer: string): boolean {
  if (referrer === NO_REFERRER || referrer === '') {
    return true;
  }
  const url = group(event, 'url');
  if (url['referrer'] !== undefined) {
    return url['referrer'] === referrer;
  }
  url['referrer'] = referrer;
  const hostname = hostnameOf(referrer);
  if (hostname !== '') {
    url['referrer_hostname'] = hostname;
  }
  return true;
}

function hostnameOf(referrer: string): string {
  let hostname = hostnames.get(referrer);
  if (hostname === undefined) {
    hostname = flatText(URL.parse(referrer)?.hostname ?? '');
    if (referrer.length <= MAX_KEPT_LENGTH) {
      hostnames.set(referrer, hostname);
    }
  }
  return hostname;
}

/** The traits of the message win; what the context says otherwise is kept beside them, where privacy signals reach it. */
function addTraits(event: Fields, more: Fields): boolean {
  const user = group(event, 'user');
  const traits = user['traits'] as Fields | undefined;
  if (traits === undefined) {
    user['traits'] = more;
    return true;
  }
  const joined = { ...traits };
  let others: Fields | undefined;
  for (const name in more) {
    if (!Object.hasOwn(joined, name)) {
      setField(joined, name, more[name]);
    } else if (joined[name] !== more[name]) {
      others ??= {};
      setField(others, name, more[name]);
    }
  }
  user['traits'] = joined;
  if (others !== undefined) {
    user['context_traits'] = others;
  }
  return true;
}
