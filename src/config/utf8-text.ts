import { isUtf8 } from 'node:buffer';

const BYTE_ORDER_MARK = /^\uFEFF/;

/** The bytes of a file as text, without the byte order mark that some editors write; `undefined` in another encoding. */
export function utf8Text(bytes: Buffer): string | undefined {
  // Much of UTF-16 is valid UTF-8 that holds NUL.
  const isText = isUtf8(bytes) && !bytes.includes(0);
  return isText ? bytes.toString().replace(BYTE_ORDER_MARK, '') : undefined;
}
