import { encode } from '../../event/encode.js';
import type { Fields } from '../../event/fields.js';
import { parseJson } from '../../event/parse-json.js';
import type { EncodedEvent } from '../../event/stored-event.js';
import { AllRejectedError } from '../all-rejected-error.js';
import { collectAnswer } from '../collect/collect-answer.js';
import type { PreparedRequest } from '../prepared-request.js';
import type { Work } from '../../event/work.js';

/** What `/collect` would answer, with the events that it would store, in order and without `server`. */
export function* validationAnswer(prepared: PreparedRequest): Work<Buffer> {
  const pieces: Buffer[] = [Buffer.from(`${answerOf(prepared).slice(0, -1)},"events":[`)];
  for (const [index, event] of prepared.events.entries()) {
    if (index > 0) {
      pieces.push(Buffer.from(','));
    }
    pieces.push(withoutServer(event));
    yield;
  }
  pieces.push(Buffer.from(']}'));
  return Buffer.concat(pieces);
}

function answerOf({ events, droppedCount, rejections, warnings }: PreparedRequest): string {
  return events.length + droppedCount === 0
    ? JSON.stringify(new AllRejectedError(rejections).answer())
    : collectAnswer(
        { accepted: events.length, dropped: droppedCount, rejected: rejections },
        warnings,
      );
}

function withoutServer(event: EncodedEvent): Buffer {
  const fields = parseJson(event.toString()) as Fields;
  delete fields['server'];
  return encode(fields);
}
