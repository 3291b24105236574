import { createHash } from 'node:crypto';

/** Namespace of URLs (RFC 9562, section 6.6). */
const URL_NAMESPACE = Buffer.from('6ba7b8119dad11d180b400c04fd430c8', 'hex');

/** The UUID of version 5 (RFC 9562, section 5.5) that belongs to `name` in the namespace of URLs. */
export function uuidv5(name: string): string {
  const bytes = createHash('sha1').update(URL_NAMESPACE).update(name).digest();
  bytes[6] = (bytes.readUInt8(6) & 0x0f) | 0x50;
  bytes[8] = (bytes.readUInt8(8) & 0x3f) | 0x80;
  const hex = bytes.toString('hex', 0, 16);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join('-');
}
