import type { EncodedEvent } from './stored-event.js';

/** The members that sinks use beside the whole event. Undefined where the event does not have them. */
export interface EventHead {
  readonly eventId: string | undefined;
  /** RFC 3339. */
  readonly ts: string | undefined;
  readonly type: string | undefined;
}

/** Bytes; most events have these members within. */
const HEAD_BYTES = 256;

/** Where every stored event begins; in ASCII and without escapes. */
const PLAIN_HEAD =
  /^\{"event_id":"([ !#-[\]-~]+)","ts":"([^"\\]+)","received_at":"[^"\\]+","type":"([ !#-[\]-~]+)"[,}]/;

/** Parses the event only when it looks unusual. */
export function readHead(json: EncodedEvent): EventHead {
  const match = PLAIN_HEAD.exec(json.toString('latin1', 0, HEAD_BYTES));
  return match ? { eventId: match[1], ts: match[2], type: match[3] } : parsedHead(json);
}

function parsedHead(json: EncodedEvent): EventHead {
  const event = parsed(json);
  const member = (name: string): string | undefined => {
    const value = event[name];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  return { eventId: member('event_id'), ts: member('ts'), type: member('type') };
}

function parsed(json: EncodedEvent): Readonly<Record<string, unknown>> {
  try {
    return (JSON.parse(json.toString()) ?? {}) as Record<string, unknown>;
  } catch {
    return {};
  }
}
