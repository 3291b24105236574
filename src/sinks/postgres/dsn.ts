import { type Parser, InvalidValueError } from '../../config/setting.js';
import { oneOf } from '../../config/parsers.js';

/** As libpq has them. */
const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;

export type SslMode = (typeof SSL_MODES)[number];

/** What a DSN says. Holds a password: never print it. */
export interface Dsn {
  /** Without anything about TLS, of which the driver has its own opinion. */
  readonly url: string;
  readonly sslMode: SslMode;
  /** Path of a file, or `SYSTEM_ROOTS`. */
  readonly rootCert: string | undefined;
  /** Paths of files. */
  readonly clientCert: string | undefined;
  readonly clientKey: string | undefined;
}

/** As `sslrootcert`: the authorities that the runtime trusts. */
export const SYSTEM_ROOTS = 'system';

const TLS_PARAMETERS = ['ssl', 'sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'uselibpqcompat'];

/**
 * A connection string in either form of libpq, a URI or keywords and values; its parameters mean what they mean there
 * ("Connection Strings" in PostgreSQL's manual).
 */
export const dsn: Parser<Dsn> = (value) => {
  const url = /^postgres(ql)?:\/\//i.test(value) ? URL.parse(value) : fromKeywords(value);
  if (!url) {
    throw new InvalidValueError(
      'must be postgres://user:password@host:port/database, where characters of the password that mean something in a URL ' +
        'are percent-encoded; or host=… port=… dbname=… user=… password=…',
    );
  }
  if (url.host.includes(',') || url.searchParams.get('host')?.includes(',')) {
    throw new InvalidValueError('must name one host');
  }
  const given = new Map(TLS_PARAMETERS.map((name) => [name, url.searchParams.get(name)]));
  for (const name of TLS_PARAMETERS) {
    url.searchParams.delete(name);
  }
  const rootCert = given.get('sslrootcert') ?? undefined;
  const sslMode = readMode(given.get('sslmode') ?? defaultMode(given.get('ssl'), rootCert));
  if (sslMode === 'verify-ca' && rootCert === undefined) {
    throw new InvalidValueError('has sslmode=verify-ca, which needs the sslrootcert of your CA');
  }
  if (rootCert === SYSTEM_ROOTS && sslMode !== 'verify-full') {
    throw new InvalidValueError('has sslrootcert=system, which needs sslmode=verify-full');
  }
  return {
    url: url.toString(),
    sslMode,
    rootCert,
    clientCert: given.get('sslcert') ?? undefined,
    clientKey: given.get('sslkey') ?? undefined,
  };
};

/** `keyword = value`; a value with blanks is in quotes, a backslash takes the next character as it is. */
const KEYWORD = /\s*([a-z_]+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s'\\]|\\.)*))(?=\s|$)/gsy;

/** The same as a URI, without a host before the path: the driver takes it from the parameters. */
function fromKeywords(value: string): URL | undefined {
  const pairs = [...value.trim().matchAll(KEYWORD)];
  if (pairs.length === 0 || pairs.map(([pair]) => pair).join('') !== value.trim()) {
    return undefined;
  }
  const url = new URL('postgres:///');
  for (const [, keyword = '', quoted, bare = ''] of pairs) {
    const text = (quoted ?? bare).replaceAll(/\\(.)/gs, '$1');
    if (keyword === 'dbname') {
      url.pathname = `/${encodeURIComponent(text)}`;
    } else {
      url.searchParams.set(keyword, text);
    }
  }
  return url;
}

/** `ssl=true` is how drivers other than libpq say it; libpq knows it in a URI. */
function defaultMode(ssl: string | null | undefined, rootCert: string | undefined): SslMode {
  if (rootCert === SYSTEM_ROOTS) {
    return 'verify-full';
  }
  return ssl === 'true' ? 'require' : 'prefer';
}

function readMode(value: string): SslMode {
  try {
    return oneOf(...SSL_MODES)(value);
  } catch {
    throw new InvalidValueError(`has an unknown sslmode: it is one of ${SSL_MODES.join(', ')}`);
  }
}
