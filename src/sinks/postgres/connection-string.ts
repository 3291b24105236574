import { InvalidValueError } from '../../config/setting.js';

const FORMS =
  'must be postgres://user:password@host:port/database, where characters of the password that mean something in a URL ' +
  'are percent-encoded; or host=… port=… dbname=… user=… password=…';
const UNESCAPED =
  'must have #, /, ? and @ of a user, a password or a value percent-encoded: %23, %2F, %3F, %40';

/** User and password, host and port; the database; the parameters. */
const URI =
  /^postgres(?:ql)?:\/\/(?:([^:@/?]*)(?::([^@/?]*))?@)?([^@/?]*)(?:\/([^@?]*))?(?:\?([^@]*))?$/is;
const HOST_AND_PORT = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(\d*))?$/;
/** `keyword = value`; a value with blanks is in quotes, a backslash takes the next character as it is. */
const KEYWORD = /\s*(\w+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s'\\]|\\.)*))(?=\s|$)/gsy;

type Pair = readonly [name: string, value: string];

export interface ConnectionString {
  /** By libpq's names. One that is given twice counts as it came last, an empty one not at all. */
  readonly parameters: ReadonlyMap<string, string>;
  /** Whether a secret is among those that are written with their names: what looks like the next name may be its rest. */
  readonly namesSecret: boolean;
}

/**
 * Takes a connection string apart, in either form of libpq, a URI or keywords and values ("Connection Strings" in
 * PostgreSQL's manual).
 * @throws InvalidValueError without any part of the string, which may be one of the password
 */
export function parseConnectionString(text: string): ConnectionString {
  const isUri = /^postgres(ql)?:\/\//i.test(text);
  const { places, named } = isUri ? pairsOfUri(text) : { places: [], named: pairsOfKeywords(text) };
  const parameters = new Map([...places, ...named]);
  return {
    parameters: new Map([...parameters].filter(([, value]) => value !== '')),
    namesSecret: named.some(([name]) => /pass|pwd|secret|token/i.test(name)),
  };
}

/** Those that have their place in a URI, and those with their names. */
function pairsOfUri(uri: string): { places: readonly Pair[]; named: readonly Pair[] } {
  const [beforeAt = '', ...afterAt] = uri.split('@');
  // More than libpq asks for: with one of them, URL parsers and libpq disagree where the password ends.
  const isAmbiguous = afterAt.length > 1 || uri.includes('#');
  if (isAmbiguous || (afterAt.length === 1 && /[/?]/.test(beforeAt.replace(/^\w+:\/\//, '')))) {
    throw new InvalidValueError(UNESCAPED);
  }
  const match = URI.exec(uri);
  const [, user = '', password = '', server = '', database = '', query = ''] = match ?? [];
  if (server.includes(',')) {
    throw new InvalidValueError('must name one host');
  }
  const [isServer, address, name, port = ''] = HOST_AND_PORT.exec(server) ?? [];
  if (!match || isServer === undefined) {
    throw new InvalidValueError(FORMS);
  }
  const places: readonly Pair[] = [
    ['user', decode(user)],
    ['password', decode(password)],
    ['host', decode(address ?? name ?? '')],
    ['port', port],
    ['dbname', decode(database)],
  ];
  const parts = query.split('&').filter((part) => part !== '');
  return { places, named: parts.map((part) => pairOfQuery(part)) };
}

function pairOfQuery(pair: string): Pair {
  const end = pair.indexOf('=');
  if (end < 0) {
    throw new InvalidValueError(
      'has a parameter without a value; & and = within a value are percent-encoded: %26, %3D',
    );
  }
  return [decode(pair.slice(0, end)), decode(pair.slice(end + 1))];
}

/** A plus stays one: libpq reads no form of the web. */
function decode(text: string): string {
  let decoded: string;
  try {
    decoded = decodeURIComponent(text);
  } catch {
    throw new InvalidValueError('must have a % that means itself percent-encoded: %25');
  }
  if (decoded.includes('\0')) {
    throw new InvalidValueError('must not hold %00');
  }
  return decoded;
}

function pairsOfKeywords(text: string): readonly Pair[] {
  const matches = [...text.trim().matchAll(KEYWORD)];
  if (matches.length === 0 || matches.map(([match]) => match).join('') !== text.trim()) {
    throw new InvalidValueError(FORMS);
  }
  return matches.map(([, keyword = '', quoted, bare = '']) => [
    keyword,
    (quoted ?? bare).replaceAll(/\\(.)/gs, '$1'),
  ]);
}
