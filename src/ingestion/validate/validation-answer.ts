import { encode } from '../../event/encode.js';
import type { Fields } from '../../event/fields.js';
import { parseJson } from '../../event/parse-json.js';
import type { EncodedEvent } from '../../event/stored-event.js';
import { AllRejectedError } from '../all-rejected-error.js';
import { collectAnswer } from '../collect/collect-answer.js';
import type { PreparedRequest } from '../preparation.js';
import type { Work } from '../work.js';

/** What `/collect` would answer, with the events that it would store, in order and without `server`. */
export function* validationAnswer(prepared: PreparedRequest): Work<Buffer> {
  const pieces: Buffer[] = [Buffer.from(`${answerOf(prepared).slice(0, -1)},"events":[`)];
  const events = prepared.drop === undefined ? prepared.events : [];
  for (const [index, event] of events.entries()) {
    if (index > 0) {
      pieces.push(Buffer.from(','));
    }
    pieces.push(withoutServer(event));
    yield;
  }
  pieces.push(Buffer.from(']}'));
  return Buffer.concat(pieces);
}

function answerOf({ events, rejections, drop, dropped, warnings }: PreparedRequest): string {
  const droppedAlone = [...dropped.values()].reduce((sum, count) => sum + count, 0);
  const all = events.length + droppedAlone;
  if (all === 0) {
    return JSON.stringify(new AllRejectedError(rejections).answer());
  }
  const accepted = drop === undefined ? events.length : 0;
  return collectAnswer({ accepted, dropped: all - accepted, rejected: rejections }, warnings);
}

function withoutServer(event: EncodedEvent): Buffer {
  const fields = parseJson(event.toString()) as Fields;
  delete fields['server'];
  return encode(fields);
}
