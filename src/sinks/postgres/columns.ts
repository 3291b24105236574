import { parseRfc3339 } from '../../event/rfc3339.js';
import type { EncodedEvent } from '../../event/stored-event.js';
import { readHead } from '../support/event-head.js';
import { uuidv5 } from './uuidv5.js';

/** What of an event has a column of its own. */
export interface Columns {
  /** In lower case. */
  readonly uuid: string;
  /** Milliseconds since the epoch; undefined when the event does not tell. */
  readonly tsMs: number | undefined;
}

const UUID = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i;

export function columnsOf(json: EncodedEvent): Columns {
  const { eventId, ts } = readHead(json);
  return {
    // An event without an id is known by its content: that it is refused, if it is, is for the server to say.
    uuid: uuidOf(eventId ?? json.toString()),
    tsMs: ts === undefined ? undefined : parseRfc3339(ts),
  };
}

function uuidOf(eventId: string): string {
  return UUID.test(eventId) ? eventId.toLowerCase() : uuidv5(`gotrack:${eventId}`);
}
