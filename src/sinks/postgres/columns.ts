import { parse, v5 } from 'uuid';
import { parseRfc3339 } from '../../event/rfc3339.js';
import type { EncodedEvent } from '../../event/stored-event.js';
import { readHead } from '../../event/event-head.js';

/** The parts of an event that have columns of their own. */
export interface Columns {
  /** In lower case. */
  readonly uuid: string;
  /** Milliseconds since the epoch; undefined when the event has none. */
  readonly tsMs: number | undefined;
}

const UUID = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i;

/** Parsed once: for each event it would take longer than the hash. */
const URL_NAMESPACE = parse(v5.URL);

export function columnsOf(json: EncodedEvent): Columns {
  const { eventId, ts } = readHead(json);
  return {
    // An event without an id is known by its content; whether it is refused is for the server to say.
    uuid: uuidOf(eventId ?? json.toString()),
    tsMs: ts === undefined ? undefined : parseRfc3339(ts),
  };
}

function uuidOf(eventId: string): string {
  return UUID.test(eventId) ? eventId.toLowerCase() : v5(`gotrack:${eventId}`, URL_NAMESPACE);
}
