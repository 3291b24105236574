import { isIP } from 'node:net';
import { parseRfc3339 } from '../../event/rfc3339.js';
import type { WorkMeter } from './work-meter.js';

/** Characters that are looked at in the time of one unit of work, at least. */
const CHARACTERS_PER_UNIT = 4;

const UUID = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i;
const MAX_EMAIL_LENGTH = 320;
const EMAIL = /^[^\s@]+@[^\s@]+$/;
/** RFC 3986: a scheme, and the characters that may follow. */
const URI = /^[a-z][a-z\d+.-]*:[!#-;=?-[\]_a-z~]*$/i;

/** The formats that are checked. A schema with another one is refused: it would not do what it says. */
const FORMATS: Readonly<Record<string, (text: string) => boolean>> = {
  'date-time': (text) => parseRfc3339(text) !== undefined,
  date: (text) => text.length === 10 && parseRfc3339(`${text}T00:00:00Z`) !== undefined,
  email: (text) => text.length <= MAX_EMAIL_LENGTH && EMAIL.test(text),
  ipv4: (text) => isIP(text) === 4,
  ipv6: (text) => isIP(text) === 6,
  uri: (text) => URI.test(text),
  uuid: (text) => UUID.test(text),
};

/** For Ajv, by name. */
export function meteredFormats(meter: WorkMeter): Record<string, (text: string) => boolean> {
  return Object.fromEntries(
    Object.entries(FORMATS).map(([name, matches]) => [
      name,
      (text: string) => {
        meter.spend(text.length / CHARACTERS_PER_UNIT);
        return matches(text);
      },
    ]),
  );
}
