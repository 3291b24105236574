import { encode } from './encode.js';
import { type Fields, isFields } from './fields.js';
import { parseJson } from './parse-json.js';
import type { EncodedEvent } from './stored-event.js';

export interface DeadLetter {
  /** `null` when ingestion could not keep it. The bytes stand in the line as they are. */
  readonly event: EncodedEvent | null;
  readonly reason: string;
  /** The sink's own words, or why ingestion refused the event. */
  readonly error: string;
}

/** A line of a dead letter file, without its newline: `{"failed_at","sink","reason","error","event"}`. */
export function encodeLine(sink: string, { event, reason, error }: DeadLetter): Buffer {
  const head = encode({ failed_at: new Date().toISOString(), sink, reason, error });
  return Buffer.concat([
    head.subarray(0, -1),
    Buffer.from(',"event":'),
    event ?? Buffer.from('null'),
    Buffer.from('}'),
  ]);
}

/** Undefined when the line holds no event: an operator may have edited it. */
export function eventOfLine(line: Buffer): Fields | undefined {
  try {
    const letter: unknown = parseJson(line.toString());
    return isFields(letter) && isFields(letter['event']) ? letter['event'] : undefined;
  } catch {
    return undefined;
  }
}
