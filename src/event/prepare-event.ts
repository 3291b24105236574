import { parseClientTime } from './client-time.js';
import { compact, type GroupName } from './compact.js';
import { withoutCredentialsInside } from './credentials.js';
import { encodeText } from './encode.js';
import { isEventId } from './event-id.js';
import { validationErrors } from './event-schema.js';
import { type Fields, isFields, setField, unlessEmpty } from './fields.js';
import { withKnownDoubles } from './known-numbers.js';
import { survey, MAX_DEPTH, MAX_FIELDS, MAX_TYPE_BYTES, type Survey } from './limits.js';
import { completedUrl } from './page.js';
import type { RejectionReason } from './reasons.js';
import type { Rejection } from './rejection.js';
import type { Sanitizer } from './sanitize.js';
import type { EncodedEvent } from './stored-event.js';
import { uuidv7 } from './uuidv7.js';

/** A client may have kept an event for this long while it was offline. */
const MAX_AGE_MS = 7 * 24 * 60 * 60 * 1000;
const MAX_AHEAD_MS = 5 * 60 * 1000;

/** Characters. The header goes into each event of a request, and a request may carry many. */
const MAX_USER_AGENT_LENGTH = 1024;

const DEFAULT_TYPE = 'pageview';

/** What a client sends as `received_at` and `server` is discarded. */
const KNOWN_FIELDS = new Set([
  'event_id',
  'ts',
  'received_at',
  'type',
  'url',
  'route',
  'device',
  'session',
  'props',
  'server',
]);

/** What the server alone writes. */
export type ServerFields = Readonly<Fields>;

/**
 * What the server knows about an event. To validate a rejected event again, take `receivedAtMs` and
 * `server` from the event itself.
 */
export interface EventContext {
  /** Milliseconds since the epoch. */
  readonly receivedAtMs: number;
  readonly server: ServerFields | undefined;
  /** Gives what else belongs into `server` of a valid event. It must neither change the event nor throw. */
  readonly serverFieldsOf?: ((event: Readonly<Fields>) => ServerFields) | undefined;
  /** The request's header. */
  readonly userAgent: string | undefined;
  /** What the request's own query says, for the `url` of an event that says nothing. */
  readonly urlOfQuery?: Fields | undefined;
  /** For a visitor who asks not to be tracked. */
  readonly omitSession: boolean;
  readonly sanitizer: Sanitizer | undefined;
  /** Bytes of the event as it is stored. */
  readonly maxEventBytes: number;
}

export type Prepared =
  | { readonly json: EncodedEvent; readonly rejected?: undefined }
  | { readonly rejected: Rejection; readonly json?: undefined };

/** In the order of the stored event: sinks read `event_id` and `ts` from its first bytes. */
type Draft = {
  event_id: unknown;
  ts: unknown;
  received_at: string;
  type: unknown;
  url: unknown;
  route: unknown;
  device: unknown;
  session: unknown;
  props: unknown;
  server: ServerFields | undefined;
};

/**
 * Makes the stored event from a value that `JSON.parse` gave, or says why it is none. Whatever the
 * value is, this does not throw; it does not change the value.
 */
export function prepareEvent(raw: unknown, context: EventContext): Prepared {
  if (!isFields(raw)) {
    return rejected('not_an_object', ['event: must be an object'], undefined);
  }
  const found = survey(raw);
  if (found === undefined) {
    const error = `event: must not be nested deeper than ${MAX_DEPTH} levels`;
    return rejected('too_deep', [error], undefined);
  }
  const given = context.sanitizer === undefined ? raw : context.sanitizer.event(raw);
  if (found.fields > MAX_FIELDS) {
    const error = `event: must not have more than ${MAX_FIELDS} fields`;
    return rejected('too_many_fields', [error], keptForDiagnosis(given, context));
  }

  const ts = timelyTs(present(given['ts']), context.receivedAtMs);
  const event = draft(given, found, context, ts);
  const errors = validationErrors(event);
  if (errors.length > 0) {
    return rejected('schema', errors, keptForDiagnosis(given, context));
  }
  if (found.hasUnstorable && survey({ ...given, ...event })?.hasUnstorable !== false) {
    const error = 'event: numbers must not have more than 400 characters or an exponent over 400';
    return rejected('schema', [error], keptForDiagnosis(given, context));
  }
  event.type ??= DEFAULT_TYPE;
  if (isTypeTooLong(event.type as string)) {
    const error = `type: must not be longer than ${MAX_TYPE_BYTES} bytes`;
    return rejected('type_too_long', [error], keptForDiagnosis(given, context));
  }
  const clientId = event.event_id;
  complete(event, context);
  moveIntoProps(
    given,
    event,
    ts === undefined ? storable(present(given['ts']), found) : undefined,
    event.event_id === clientId ? undefined : clientId,
  );
  if (context.serverFieldsOf !== undefined) {
    event.server = unlessEmpty({ ...context.server, ...context.serverFieldsOf(event) });
  }

  const json = encodeClean(event);
  if (json.length > context.maxEventBytes) {
    const error = `event: must not be longer than ${context.maxEventBytes} bytes, is ${json.length}`;
    return rejected('too_large', [error], keptForDiagnosis(given, context));
  }
  return { json };
}

/** What the client says, for the schema to judge. A time that can't be read is no fault. */
function draft(given: Fields, found: Survey, context: EventContext, ts: string | undefined): Draft {
  const known = found.hasLiterals ? withKnownDoubles(given) : given;
  // Sanitizing may have left gaps.
  const hasGaps = found.hasGaps || context.sanitizer !== undefined;
  const group = (name: GroupName): unknown => (hasGaps ? compact(name, known[name]) : known[name]);
  const receivedAt = isoTime(context.receivedAtMs);
  return {
    event_id: present(known['event_id']),
    ts: ts ?? receivedAt,
    received_at: receivedAt,
    type: present(known['type']),
    url: group('url'),
    route: group('route'),
    device: group('device'),
    session: context.omitSession ? undefined : group('session'),
    props: group('props'),
    server: unlessEmpty(context.server),
  };
}

/** Adds to a valid event what the client did not say. */
function complete(event: Draft, context: EventContext): void {
  if (event.event_id === undefined || !isEventId(event.event_id as string)) {
    event.event_id = uuidv7(context.receivedAtMs);
  }
  event.url = completedUrl(event.url, context.urlOfQuery);
  event.device = withUserAgent(event.device, context.userAgent);
}

function encodeClean(event: Draft): EncodedEvent {
  const text = encodeText(event);
  if (!text.includes('@')) {
    return Buffer.from(text);
  }
  const clean = withoutCredentialsInside(event);
  return Buffer.from(clean === event ? text : encodeText(clean));
}

function rejected(
  reason: RejectionReason,
  errors: readonly string[],
  event: Fields | undefined,
): Prepared {
  return { rejected: { reason, errors, event } };
}

function keptForDiagnosis(given: Fields, context: EventContext): Fields {
  const kept: Fields = {
    ...given,
    url: completedUrl(given['url'], context.urlOfQuery),
    device: withUserAgent(given['device'], context.userAgent),
    received_at: isoTime(context.receivedAtMs),
    server: unlessEmpty(context.server),
  };
  if (context.omitSession) {
    delete kept['session'];
  }
  return withoutCredentialsInside(kept);
}

function present(value: unknown): unknown {
  return value === null || value === '' ? undefined : value;
}

/** As stored: NUL becomes U+FFFD there, which is longer. */
function isTypeTooLong(type: string): boolean {
  return (
    type.length * 3 > MAX_TYPE_BYTES &&
    Buffer.byteLength(type.replaceAll('\0', '\u{FFFD}')) > MAX_TYPE_BYTES
  );
}

function withUserAgent(device: unknown, header: string | undefined): unknown {
  if (!header) {
    return device;
  }
  const userAgent = header.slice(0, MAX_USER_AGENT_LENGTH);
  if (device === undefined || device === null) {
    return { ua: userAgent };
  }
  return isFields(device) && (device['ua'] ?? null) === null
    ? { ...device, ua: userAgent }
    : device;
}

/** The client's time in the stored form; undefined when it can't be read, or is out of bounds. */
function timelyTs(ts: unknown, receivedAtMs: number): string | undefined {
  const clientMs = parseClientTime(ts);
  if (
    clientMs === undefined ||
    clientMs < receivedAtMs - MAX_AGE_MS ||
    clientMs > receivedAtMs + MAX_AHEAD_MS
  ) {
    return undefined;
  }
  return typeof ts === 'string' && isNormalTime(ts) ? ts : new Date(clientMs).toISOString();
}

/** A time that holds a number that can't be stored becomes text: no time costs the event. */
function storable(ts: unknown, { hasUnstorable }: Survey): unknown {
  return hasUnstorable && typeof ts === 'object' ? encodeText(ts as object) : ts;
}

/** A moved field that finds its name taken gets underscores in front, until it is free: nothing is lost. */
function moveIntoProps(
  given: Fields,
  event: Draft,
  clientTs: unknown,
  clientEventId: unknown,
): void {
  let props: Fields | undefined;
  const move = (name: string, value: unknown): void => {
    props ??= { ...(event.props as Fields | undefined) };
    let free = name;
    while (Object.hasOwn(props, free)) {
      free = `_${free}`;
    }
    setField(props, free, value);
  };
  for (const name in given) {
    if (!KNOWN_FIELDS.has(name) && given[name] !== null) {
      move(name, given[name]);
    }
  }
  if (clientTs !== undefined) {
    move('client_ts', clientTs);
  }
  if (clientEventId !== undefined) {
    move('client_event_id', clientEventId);
  }
  event.props = props ?? event.props;
}

/** Most clients send it in the stored form already. */
function isNormalTime(text: string): boolean {
  return text.length === 24 && text[10] === 'T' && text[23] === 'Z' && text[17] !== '6';
}

let lastMs = Number.NaN;
let lastText = '';

/** Under load many events come in one millisecond. */
function isoTime(ms: number): string {
  if (ms !== lastMs) {
    lastText = new Date(ms).toISOString();
    lastMs = ms;
  }
  return lastText;
}
