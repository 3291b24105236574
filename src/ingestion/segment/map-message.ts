import { type Fields, isFields, setField, unlessEmpty } from '../../event/fields.js';
import { isKnownField } from '../../event/known-fields.js';
import { ClientEvent } from '../client-event.js';
import { type Call, CALLS, MAPPING, READ_FIRST, READ_LAST } from './mapping.js';
import { type Draft, type Reader, readerOf, WANTED } from './readings.js';

/** A place in a message: a value that is read, or an object with more places. */
interface Place {
  readonly read: Reader | undefined;
  /** What the sender of something else is told. */
  readonly wanted: string | undefined;
  readonly members: Map<string, Place> | undefined;
  readonly first: string | undefined;
  readonly last: readonly string[];
}

const ROOT = placeAt(
  '',
  MAPPING.map(({ from }) => from.split('.')),
);
const CONTEXT = ROOT.members?.get('context') as Place;
const PAGE = CONTEXT.members?.get('page') as Place;

const NO_ERRORS: readonly string[] = [];

/**
 * Makes an event of a message, whatever it holds: nothing of it is lost. What its errors name is wrong with it.
 * @param call undefined: the message says it in `type`
 * @param shared the context that lies under that of the message
 */
export function mapMessage(
  message: Fields,
  call: Call | undefined,
  shared: Fields | undefined,
): ClientEvent {
  const said = message['type'];
  const known = call ?? (isCall(said) ? said : undefined);
  const draft: Draft = { event: emptyEvent(), address: undefined };
  const { event } = draft;
  const errors: string[] = [];
  // An object is no type: what is refused here is refused, too, when it is validated again as an event.
  event['type'] = known === undefined ? { said } : (CALLS[known] ?? eventName(message, errors));
  if (known === undefined) {
    errors.push(`type: must be one of ${Object.keys(CALLS).join(', ')}`);
  }
  const rest = readMembers(ROOT, shared === undefined ? message : withContext(message, shared), {
    draft,
    errors,
  });
  if (known === 'page') {
    readPageProperties(draft, event['props']);
  }
  for (const name in rest) {
    if ((name !== 'type' || rest[name] !== known) && (name !== 'event' || known !== 'track')) {
      addRest(event, name, rest[name]);
    }
  }
  if (errors.length > 0 && typeof event['type'] === 'string') {
    event['type'] = { said: event['type'] };
  }
  const { ua } = (event['device'] ?? {}) as Fields;
  return new ClientEvent(
    event,
    { address: draft.address, userAgent: ua },
    errors.length === 0 ? NO_ERRORS : errors,
  );
}

/** With all that may be set: objects of one shape are written sooner. */
function emptyEvent(): Fields {
  return {
    event_id: undefined,
    ts: undefined,
    sent_at: undefined,
    type: undefined,
    url: undefined,
    route: undefined,
    device: undefined,
    session: undefined,
    user: undefined,
    props: undefined,
  };
}

function isCall(value: unknown): value is Call {
  return typeof value === 'string' && Object.hasOwn(CALLS, value);
}

function eventName({ event: name }: Fields, errors: string[]): unknown {
  if (typeof name === 'string' && name !== '') {
    return name;
  }
  errors.push('event: must be a text that is not empty');
  return { said: name };
}

interface Reading {
  readonly draft: Draft;
  /** What is wrong, for fields that a message must have right. */
  readonly errors?: string[];
}

/** @returns what has no place in the event */
function readMembers(place: Place, fields: Fields, reading: Reading): Fields | undefined {
  const { first, last, members } = place;
  let rest: Fields | undefined;
  const read = (name: string): void => {
    const left = readMember(members?.get(name), name, fields[name], reading);
    if (left !== undefined) {
      rest ??= {};
      setField(rest, name, left);
    }
  };
  if (first !== undefined && fields[first] !== undefined) {
    read(first);
  }
  for (const name in fields) {
    if (name !== first && !last.includes(name)) {
      read(name);
    }
  }
  for (const name of last) {
    if (fields[name] !== undefined) {
      read(name);
    }
  }
  return rest;
}

/** @returns what of the value has no place in the event */
function readMember(
  place: Place | undefined,
  name: string,
  value: unknown,
  { draft, errors }: Reading,
): unknown {
  if (value === null || value === undefined) {
    return undefined;
  }
  if (place?.members !== undefined && isFields(value)) {
    return readMembers(place, value, { draft });
  }
  if (place?.read?.(draft, value)) {
    return undefined;
  }
  if (place?.wanted !== undefined) {
    errors?.push(`${name}: ${place.wanted}`);
  }
  return isFields(value) ? unlessEmpty(value) : value;
}

/** Where the context says nothing of the page, the properties of a page call do; they stay properties, too. */
function readPageProperties(draft: Draft, properties: unknown): void {
  const { route, url } = draft.event as Record<string, Fields | undefined>;
  const isSaid = route?.['path'] !== undefined || url?.['raw_query'] !== undefined;
  if (isFields(properties) && !isSaid) {
    readMembers(PAGE, properties, { draft });
  }
}

/** Names of our own fields are no more than names here. */
function addRest(event: Fields, name: string, value: unknown): void {
  const props = event['props'] as Fields | undefined;
  if (props !== undefined && Object.hasOwn(props, name) && props[name] === value) {
    return;
  }
  if (!isKnownField(name)) {
    setField(event, name, value);
    return;
  }
  const copy = { ...props };
  let free = name;
  while (Object.hasOwn(copy, free)) {
    free = `_${free}`;
  }
  setField(copy, free, value);
  event['props'] = copy;
}

function withContext(message: Fields, shared: Fields): Fields {
  const own = message['context'] ?? undefined;
  return own === undefined || isFields(own)
    ? { ...message, context: own === undefined ? shared : laidOver(own, shared) }
    : message;
}

/** The members of both, and of objects that both have; where both say something, the first counts. */
function laidOver(over: Fields, under: Fields, levels = 2): Fields {
  const both = { ...under };
  for (const name in over) {
    const upper = over[name];
    const lower = Object.hasOwn(under, name) ? under[name] : undefined;
    const isInside = levels > 1 && isFields(upper) && isFields(lower);
    if (upper !== null || lower === undefined) {
      setField(both, name, isInside ? laidOver(upper, lower, levels - 1) : upper);
    }
  }
  return both;
}

/** The place with this path, of the paths below it. */
function placeAt(path: string, paths: readonly (readonly string[])[]): Place {
  const inside = (name: string): string => (path === '' ? name : `${path}.${name}`);
  const names = [...new Set(paths.flatMap(([name]) => name ?? []))];
  const row = MAPPING.find(({ from }) => from === path);
  const read = row && readerOf(row.as, row.to.split('.'));
  return {
    read,
    wanted: row === undefined ? 'must be an object' : WANTED[row.as],
    members:
      names.length === 0
        ? undefined
        : new Map(
            names.map((name) => [
              name,
              placeAt(
                inside(name),
                paths.filter(([first]) => first === name).map((each) => each.slice(1)),
              ),
            ]),
          ),
    first: names.find((name) => READ_FIRST.includes(inside(name))),
    last: names.filter((name) => READ_LAST.includes(inside(name))),
  };
}
