import type { Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from 'node:zlib';
import { Turns } from '../../threads/turns.js';
import type { BodyShare } from './body-budget.js';
import { ByteGatherer } from './byte-gatherer.js';
import { bodyTooLarge, HttpError } from '../../http/errors.js';

const encodings = new Map<string, Encoding>([
  ['', 'identity'],
  ['identity', 'identity'],
  ['gzip', 'gzip'],
  ['x-gzip', 'gzip'],
  ['deflate', 'deflate'],
  ['br', 'br'],
]);

/** More at a time would leave the event loop a small part of the processors. */
const turns = new Turns(4);

export type Encoding = 'identity' | 'gzip' | 'deflate' | 'br';

const decompressors: Record<Exclude<Encoding, 'identity'>, (compressed: Buffer) => Transform> = {
  gzip: () => createGunzip(),
  deflate: (compressed) => (hasZlibHeader(compressed) ? createInflate() : createInflateRaw()),
  br: () => createBrotliDecompress(),
};

/** @throws HttpError an unknown encoding, or one on top of another: nobody needs it but a bomb */
export function bodyEncoding(contentEncoding: string | undefined): Encoding {
  const encoding = encodings.get((contentEncoding ?? '').trim().toLowerCase());
  if (encoding === undefined) {
    throw new HttpError('GT_BAD_ENCODING');
  }
  return encoding;
}

/**
 * Decompresses off the event loop and counts what comes out piece by piece, so that a bomb costs no
 * more than `maxBytes`.
 * @throws HttpError damaged, too large, or no room left in the share
 */
export function decompress(
  compressed: Buffer,
  encoding: Exclude<Encoding, 'identity'>,
  maxBytes: number,
  share: BodyShare,
): Promise<Buffer> {
  return turns.run(() => decompressNow(compressed, encoding, maxBytes, share));
}

function decompressNow(
  compressed: Buffer,
  encoding: Exclude<Encoding, 'identity'>,
  maxBytes: number,
  share: BodyShare,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const stream = decompressors[encoding](compressed);
    const gathered = new ByteGatherer();
    let length = 0;
    stream.on('data', (piece: Buffer) => {
      length += piece.length;
      if (length > maxBytes) {
        stream.destroy(bodyTooLarge(maxBytes));
      } else if (share.take(piece.length)) {
        gathered.append(piece);
      } else {
        stream.destroy(new HttpError('GT_BUSY'));
      }
    });
    stream.once('end', () => resolve(gathered.bytes));
    stream.once('error', (error) => {
      reject(
        error instanceof HttpError
          ? error
          : new HttpError('GT_CORRUPT_BODY', undefined, { cause: error }),
      );
    });
    stream.end(compressed);
  });
}

/** RFC 1950, 2.2. `deflate` means this form, but some clients send the bare one (RFC 1951). */
function hasZlibHeader(bytes: Buffer): boolean {
  return bytes.length >= 2 && (bytes.readUInt8(0) & 0x0f) === 8 && bytes.readUInt16BE(0) % 31 === 0;
}
