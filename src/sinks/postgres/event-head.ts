import { parseRfc3339 } from '../../event/rfc3339.js';
import type { EncodedEvent } from '../../event/stored-event.js';
import { uuidv5 } from './uuidv5.js';

/** What of an event has a column of its own. */
export interface EventHead {
  /** In lower case. */
  readonly uuid: string;
  /** Milliseconds since the epoch; undefined when the event does not tell. */
  readonly tsMs: number | undefined;
}

const UUID = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i;

/** Bytes; most events have both members within. */
const HEAD_BYTES = 160;

/** Both members, in ASCII and without escapes. */
const PLAIN_HEAD = /^\{"event_id":"([ !#-[\]-~]+)","ts":"([^"\\]+)"[,}]/;

/** Reads the two members that a stored event begins with; parses the event only when they look unusual. */
export function readHead(json: EncodedEvent): EventHead {
  const match = PLAIN_HEAD.exec(json.toString('latin1', 0, HEAD_BYTES));
  const [eventId, ts] = match ? [match[1], match[2]] : parsedMembers(json);
  return {
    uuid: uuidOf(eventId ?? json.toString()),
    tsMs: ts === undefined ? undefined : parseRfc3339(ts),
  };
}

/** An event without an id is known by its content: that it is refused, if it is, is for the server to say. */
function uuidOf(eventId: string): string {
  return UUID.test(eventId) ? eventId.toLowerCase() : uuidv5(`gotrack:${eventId}`);
}

function parsedMembers(json: EncodedEvent): (string | undefined)[] {
  try {
    const event = JSON.parse(json.toString()) as { event_id?: unknown; ts?: unknown } | null;
    return [event?.event_id, event?.ts].map((member) =>
      typeof member === 'string' && member !== '' ? member : undefined,
    );
  } catch {
    return [];
  }
}
