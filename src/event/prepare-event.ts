import { parseClientTime } from './client-time.js';
import { compact, type GroupName } from './compact.js';
import { withoutCredentialsInPieces, withoutCredentialsInside } from './credentials.js';
import { encodeInPieces, encodeText } from './encode.js';
import { isEventId } from './event-id.js';
import { timelyTs } from './event-time.js';
import { validationErrors } from './event-schema.js';
import type { FieldRules } from './field-rules.js';
import { type Fields, isFields, setField, unlessEmpty } from './fields.js';
import { isKnownField } from './known-fields.js';
import { withKnownDoubles } from './known-numbers.js';
import {
  survey,
  MAX_DEPTH,
  MAX_FIELDS,
  MAX_TYPE_BYTES,
  maxKeptBytes,
  type Survey,
} from './limits.js';
import { completedUrl } from './page.js';
import type { RejectionReason } from './reasons.js';
import type { Rejection } from './rejection.js';
import type { SchemaViolation } from './schema-violation.js';
import type { Sanitizer } from './sanitize.js';
import { joinedServer, textWithServer } from './server-text.js';
import type { EncodedEvent } from './stored-event.js';
import { uuidv7 } from './uuidv7.js';
import type { Work } from './work.js';

/** Characters. The header goes into each event of a request, and a request may carry many. */
export const MAX_USER_AGENT_LENGTH = 1024;

const DEFAULT_TYPE = 'pageview';

/** What the server alone writes. */
export type ServerFields = Readonly<Fields>;

/**
 * What the server knows about an event. To validate a rejected event again, take `receivedAtMs` and
 * `server` from the event itself.
 */
export interface EventContext {
  /** Milliseconds since the epoch. */
  readonly receivedAtMs: number;
  /** The client's clock when the request left, for events that do not say it themselves. */
  readonly sentAtMs?: number | undefined;
  readonly server: ServerFields | undefined;
  /**
   * Gives what else belongs into `server` of a valid event: the same object where it is the same as before. It must
   * neither change the event nor throw.
   */
  readonly serverFieldsOf?: ((event: Readonly<Fields>) => ServerFields) | undefined;
  /** The request's header. */
  readonly userAgent: string | undefined;
  /** What the request's own query says, for the `url` of an event that says nothing. */
  readonly urlOfQuery?: Fields | undefined;
  /** For a visitor who asks not to be tracked: without `session` and `user`. */
  readonly anonymous: boolean;
  readonly sanitizer: Sanitizer | undefined;
  readonly fieldRules?: FieldRules | undefined;
  /** Bytes of the event as it is stored, without `server`. */
  readonly maxEventBytes: number;
  /**
   * Judges an otherwise valid event by the operator's schema for its type: what its JSON is made of. It must neither
   * change the event nor throw.
   */
  readonly violationOf?: ((event: Readonly<Fields>) => SchemaViolation | undefined) | undefined;
}

export type Prepared =
  | {
      readonly json: EncodedEvent;
      /** What the server has written into it. */
      readonly server: ServerFields | undefined;
      readonly violation?: SchemaViolation | undefined;
      readonly rejected?: undefined;
    }
  | {
      readonly rejected: Rejection;
      readonly violation?: SchemaViolation | undefined;
      readonly json?: undefined;
      readonly server?: undefined;
    };

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
  user: unknown;
  props: unknown;
  server: ServerFields | undefined;
};

/**
 * Makes the stored event from a value that `JSON.parse` gave, or says why it is none. Whatever the
 * value is, this does not throw; it does not change the value.
 */
export function prepareEvent(raw: unknown, context: EventContext): Prepared {
  const examined = examine(raw);
  if (examined instanceof Refusal) {
    return rejected(examined, context);
  }
  const { fields, found } = examined;
  const given = context.sanitizer === undefined ? fields : context.sanitizer.event(fields);
  const judged = judge(given, found, context);
  if (judged instanceof Refusal) {
    return rejected(judged, context);
  }
  const stored = context.fieldRules?.apply(judged.event, judged.renamed) ?? judged.event;
  const checked = check(encodeClean(stored, textWithServer(stored)), judged, given, context);
  return checked instanceof Refusal ? rejected(checked, context) : checked;
}

/** The same for a value with long texts, in pieces. `violationOf` can't look into an `EncodedList`. */
export function* prepareEventInPieces(raw: unknown, context: EventContext): Work<Prepared> {
  const examined = examine(raw);
  yield;
  if (examined instanceof Refusal) {
    return rejected(examined, context);
  }
  const { fields, found } = examined;
  const given =
    context.sanitizer === undefined ? fields : yield* context.sanitizer.eventInPieces(fields);
  yield;
  const judged = judge(given, found, context);
  yield;
  if (judged instanceof Refusal) {
    return yield* rejectedInPieces(judged, context);
  }
  const stored = yield* withRules(judged.event, context, judged.renamed);
  yield;
  const encoded = yield* encodeCleanInPieces(stored);
  yield;
  const checked = check(encoded, judged, given, context);
  return checked instanceof Refusal ? yield* rejectedInPieces(checked, context) : checked;
}

/** What is stored when the operator's rules are applied, if it is not too large, and not against its schema. */
interface Judged {
  readonly event: Draft;
  /** Names in `props` of fields whose own name was taken there. */
  readonly renamed: ReadonlyMap<string, string> | undefined;
}

/** Why a value is no event. */
class Refusal {
  constructor(
    readonly reason: RejectionReason,
    readonly error: string | readonly string[],
    /** What the client said, to be kept for diagnosis. */
    readonly given?: Fields,
    readonly violation?: SchemaViolation,
  ) {}

  get errors(): readonly string[] {
    return typeof this.error === 'string' ? [this.error] : this.error;
  }
}

function examine(raw: unknown): Refusal | { readonly fields: Fields; readonly found: Survey } {
  if (!isFields(raw)) {
    return new Refusal('not_an_object', 'event: must be an object');
  }
  const found = survey(raw);
  return found === undefined
    ? new Refusal('too_deep', `event: must not be nested deeper than ${MAX_DEPTH} levels`)
    : { fields: raw, found };
}

function judge(given: Fields, found: Survey, context: EventContext): Refusal | Judged {
  if (found.fields > MAX_FIELDS) {
    const error = `event: must not have more than ${MAX_FIELDS} fields`;
    return new Refusal('too_many_fields', error, given);
  }

  const ts = timelyTs(present(given['ts']), sentAt(given, context), context.receivedAtMs);
  const event = draft(given, found, context, ts);
  const errors = validationErrors(event);
  if (errors.length > 0) {
    return new Refusal('schema', errors, given);
  }
  if (
    found.hasUnstorable &&
    survey({ ...given, ...event, sent_at: null })?.hasUnstorable !== false
  ) {
    const error = 'event: numbers must not have more than 400 characters or an exponent over 400';
    return new Refusal('schema', error, given);
  }
  event.type ??= DEFAULT_TYPE;
  if (isTypeTooLong(event.type as string)) {
    const error = `type: must not be longer than ${MAX_TYPE_BYTES} bytes`;
    return new Refusal('type_too_long', error, given);
  }
  const unreadTs = ts === undefined ? storable(present(given['ts']), found) : undefined;
  return { event, renamed: finish(event, given, unreadTs, context) };
}

function check(
  encoded: Encoded,
  { event: { server } }: Judged,
  given: Fields,
  context: EventContext,
): Refusal | Prepared {
  const tooLarge = findTooLarge(encoded, given, context);
  if (tooLarge !== undefined) {
    return tooLarge;
  }
  const { json, clean } = encoded;
  // What protocols call the same fields, and what the operator strips, is settled by now.
  const violation = context.violationOf?.(clean);
  return violation?.isRejected
    ? new Refusal('event_schema', violation.errors, given, violation)
    : { json, server, violation };
}

function findTooLarge(
  { json, clean }: Encoded,
  given: Fields,
  { maxEventBytes }: EventContext,
): Refusal | undefined {
  const length = json.length > maxEventBytes ? json.length - serverBytes(clean) : json.length;
  if (length <= maxEventBytes) {
    return undefined;
  }
  const error = `event: must not be longer than ${maxEventBytes} bytes, is ${length}`;
  // Nothing of what is far too large is kept: it is not encoded a second time to find that out.
  const isKept = length <= maxKeptBytes(maxEventBytes);
  return new Refusal('too_large', error, isKept ? given : undefined);
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
    session: context.anonymous ? undefined : group('session'),
    user: context.anonymous ? undefined : group('user'),
    props: group('props'),
    server: unlessEmpty(context.server),
  };
}

/**
 * Adds what the server knows to a valid event, and what has no place in it by its own name.
 * @returns names in `props` of fields whose own name was taken there
 */
function finish(
  event: Draft,
  given: Fields,
  unreadTs: unknown,
  context: EventContext,
): ReadonlyMap<string, string> | undefined {
  const clientId = event.event_id;
  complete(event, context);
  const unusableId = event.event_id === clientId ? undefined : clientId;
  const renamed = moveIntoProps(given, event, unreadTs, unusableId);
  if (context.serverFieldsOf !== undefined) {
    event.server = joinedServer(context.server, context.serverFieldsOf(event));
  }
  return renamed;
}

function* withRules<T extends Fields>(
  event: T,
  { fieldRules }: EventContext,
  renamed?: ReadonlyMap<string, string>,
): Work<T | Fields> {
  return fieldRules === undefined ? event : yield* fieldRules.applyInPieces(event, renamed);
}

/** Adds to a valid event what the client did not say. */
function complete(event: Draft, context: EventContext): void {
  if (event.event_id === undefined || !isEventId(event.event_id as string)) {
    event.event_id = uuidv7(context.receivedAtMs);
  }
  event.url = completedUrl(event.url, context.urlOfQuery);
  event.device = withUserAgent(event.device, context.userAgent);
}

/** What the server adds is bounded, and no reason to reject what a client sent. */
function serverBytes({ server }: Draft | Fields): number {
  return server === undefined
    ? 0
    : Buffer.byteLength(`,"server":${encodeText(server as ServerFields)}`);
}

interface Encoded {
  readonly json: EncodedEvent;
  /** What it was made of. */
  readonly clean: Draft | Fields;
}

function encodeClean(event: Draft | Fields, text = encodeText(event)): Encoded {
  const clean = text.includes('@') ? withoutCredentialsInside(event) : event;
  return { json: Buffer.from(clean === event ? text : encodeText(clean)), clean };
}

function* encodeCleanInPieces(event: Draft | Fields): Work<Encoded> {
  const clean = yield* withoutCredentialsInPieces(event);
  yield;
  const text = yield* encodeInPieces(clean);
  yield;
  return { json: Buffer.from(text), clean };
}

function rejected(refusal: Refusal, context: EventContext): Prepared {
  const kept = refusal.given && keptForDiagnosis(refusal.given, context);
  const stored = kept && (context.fieldRules?.apply(kept) ?? kept);
  return withKept(refusal, stored && encodeClean(stored), context);
}

function* rejectedInPieces(refusal: Refusal, context: EventContext): Work<Prepared> {
  const kept = refusal.given && keptForDiagnosis(refusal.given, context);
  const stored = kept && (yield* withRules(kept, context));
  return withKept(refusal, stored && (yield* encodeCleanInPieces(stored)), context);
}

function withKept(
  { reason, errors, violation }: Refusal,
  kept: Encoded | undefined,
  { maxEventBytes }: EventContext,
): Prepared {
  const isKept = kept !== undefined && kept.json.length <= maxKeptBytes(maxEventBytes);
  return { rejected: { reason, errors, event: isKept ? kept.json : undefined }, violation };
}

function keptForDiagnosis(given: Fields, context: EventContext): Fields {
  const { fieldRules } = context;
  const kept: Fields = {
    ...given,
    sent_at: keptSentAt(given, context),
    url: completedUrl(given['url'], context.urlOfQuery),
    device: withUserAgent(given['device'], context.userAgent),
    received_at: isoTime(context.receivedAtMs),
    server: unlessEmpty({ ...context.server, ...fieldRules?.marks }),
  };
  if (context.anonymous) {
    delete kept['session'];
    delete kept['user'];
  }
  return kept;
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
  return header && lacksUserAgent(device)
    ? { ...device, ua: header.slice(0, MAX_USER_AGENT_LENGTH) }
    : device;
}

/** Whether the User-Agent of its request belongs into the `device` of an event. */
export function lacksUserAgent(device: unknown): device is Fields | null | undefined {
  return (device ?? null) === null || (isFields(device) && (device['ua'] ?? null) === null);
}

/** What can't be read counts as not said. */
function sentAt(given: Fields, { sentAtMs }: EventContext): number | undefined {
  return parseClientTime(given['sent_at']) ?? sentAtMs;
}

/** What the event said itself, else what its request said, so that a replay computes the same time. */
function keptSentAt(given: Fields, { sentAtMs }: EventContext): unknown {
  return sentAtMs === undefined || parseClientTime(given['sent_at']) !== undefined
    ? given['sent_at']
    : sentAtMs;
}

/** A time that holds a number that can't be stored becomes text: no time costs the event. */
function storable(ts: unknown, { hasUnstorable }: Survey): unknown {
  return hasUnstorable && typeof ts === 'object' && survey({ ts })?.hasUnstorable !== false
    ? encodeText(ts as object)
    : ts;
}

/**
 * A moved field that finds its name taken gets underscores in front, more each time until it is free: nothing is
 * lost, and no choice of names makes this long.
 * @returns the names that they have now, with those that they came with
 */
function moveIntoProps(
  given: Fields,
  event: Draft,
  clientTs: unknown,
  clientEventId: unknown,
): ReadonlyMap<string, string> | undefined {
  let props: Fields | undefined;
  let renamed: Map<string, string> | undefined;
  const move = (name: string, value: unknown): void => {
    props ??= { ...(event.props as Fields | undefined) };
    let free = name;
    for (let underscores = 1; Object.hasOwn(props, free); underscores *= 2) {
      free = `${'_'.repeat(underscores)}${name}`;
    }
    setField(props, free, value);
    if (free !== name) {
      renamed ??= new Map();
      renamed.set(free, name);
    }
  };
  for (const name in given) {
    if (!isKnownField(name) && given[name] !== null) {
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
  return renamed;
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
