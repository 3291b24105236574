import { type Parser, InvalidValueError } from './setting.js';

export const text: Parser<string> = (value) => value;

export const integer: Parser<number> = (value) => {
  const number = Number(value);
  if (!/^[+-]?\d+$/.test(value) || !Number.isSafeInteger(number)) {
    throw new InvalidValueError('must be a whole number');
  }
  return number;
};

const booleans = new Map([
  ...['1', 't', 'true', 'y', 'yes'].map((word) => [word, true] as const),
  ...['0', 'f', 'false', 'n', 'no'].map((word) => [word, false] as const),
]);

export const boolean: Parser<boolean> = (value) => {
  const known = booleans.get(value.toLowerCase());
  if (known === undefined) {
    throw new InvalidValueError('must be 1, t, true, y, yes or 0, f, false, n, no');
  }
  return known;
};

/** A comma list; blanks around its items and empty items don't count. */
export const list: Parser<readonly string[]> = (value) =>
  value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');

/** One of these words, in any case. */
export function oneOf<const Words extends readonly string[]>(
  ...words: Words
): Parser<Words[number]> {
  return (value) => {
    const word = value.toLowerCase();
    if (!words.includes(word)) {
      throw new InvalidValueError(`must be one of ${words.join(', ')}`);
    }
    return word;
  };
}

export interface ListenAddress {
  /** Without brackets; `::` (all interfaces, IPv4 too) when the variable names no host. */
  readonly host: string;
  readonly port: number;
}

/** `host:port`, `:port` or `[::1]:port`. Port 0 lets the system choose. */
export const listenAddress: Parser<ListenAddress> = (value) => {
  const match = /^(?:\[(?<ipv6>[^\]]+)\]|(?<host>[^:[\]]*)):(?<port>\d{1,5})$/.exec(value)?.groups;
  const port = Number(match?.['port']);
  if (!match || port > 65_535) {
    throw new InvalidValueError('must be host:port, :port or [ipv6]:port');
  }
  return { host: match['ipv6'] ?? (match['host'] || '::'), port };
};
