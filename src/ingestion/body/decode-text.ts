import type { Work } from '../../event/work.js';

/** Bytes of a piece. Letters beyond ASCII take up to half a millisecond in it. */
const PIECE_BYTES = 256 * 1024;
const BYTE_ORDER_MARK = 0xfe_ff;
/** A character takes up to four bytes, of which all but the first look like this. */
const CONTINUATION_MASK = 0xc0;
const CONTINUATION = 0x80;
const MAX_CONTINUATIONS = 3;

/** Bytes that are no UTF-8 become U+FFFD; a byte order mark is dropped. */
export function* decodeText(bytes: Buffer, pieceBytes = PIECE_BYTES): Work<string> {
  let text = '';
  for (let start = 0; start < bytes.length;) {
    const end = endOfCharacter(bytes, start + pieceBytes);
    text += bytes.toString('utf8', start, end);
    start = end;
    yield;
  }
  return text.charCodeAt(0) === BYTE_ORDER_MARK ? text.slice(1) : text;
}

/** Where a piece that begins before it may end: nothing that belongs together stands on both sides of it. */
function endOfCharacter(bytes: Buffer, at: number): number {
  if (at >= bytes.length) {
    return bytes.length;
  }
  for (let back = 0; back <= MAX_CONTINUATIONS; back += 1) {
    if (((bytes[at - back] ?? 0) & CONTINUATION_MASK) !== CONTINUATION) {
      return at - back;
    }
  }
  return at;
}
