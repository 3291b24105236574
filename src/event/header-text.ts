import { isUtf8 } from 'node:buffer';

const BEYOND_ASCII = /[^\0-\u{7F}]/u;

/**
 * A request header's text. Node hands over the bytes as Latin-1: where they are valid UTF-8, they are
 * read as that.
 */
export function headerText(header: string): string {
  if (!BEYOND_ASCII.test(header)) {
    return header;
  }
  const bytes = Buffer.from(header, 'latin1');
  return isUtf8(bytes) ? bytes.toString() : header;
}
