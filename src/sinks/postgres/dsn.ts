import { isIP } from 'node:net';
import { type Parser, InvalidValueError } from '../../config/setting.js';
import { parseConnectionString } from './connection-string.js';
import { assertHonoured } from './dsn-parameters.js';

/** As libpq has them. */
const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;
export type SslMode = (typeof SSL_MODES)[number];
/** With these nothing is ever sent in the clear. */
const STRICT_SSL_MODES: readonly SslMode[] = ['require', 'verify-ca', 'verify-full'];

const TLS_VERSIONS = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const;
type TlsVersion = (typeof TLS_VERSIONS)[number];

const MAX_PORT = 65_535;

/** How to speak TLS with the server. */
export interface DsnTls {
  readonly sslMode: SslMode;
  /** TLS from the first byte on, without asking the server for it. */
  readonly isDirect: boolean;
  /** Path of a file, or `SYSTEM_ROOTS`. */
  readonly rootCert: string | undefined;
  /** Paths of files. */
  readonly clientCert: string | undefined;
  readonly clientKey: string | undefined;
  readonly clientKeyPassword: string | undefined;
  readonly minVersion: TlsVersion | undefined;
  readonly maxVersion: TlsVersion | undefined;
}

/** What a DSN says. Holds a password: never print it. What it does not say is undefined. */
export interface Dsn extends DsnTls {
  /** A name, an address, or the directory of a Unix socket. */
  readonly host: string | undefined;
  /** Where to connect to instead of looking `host` up. */
  readonly hostAddress: string | undefined;
  readonly port: number | undefined;
  readonly database: string | undefined;
  readonly user: string | undefined;
  readonly password: string | undefined;
  /** Options of the server's command line. */
  readonly options: string | undefined;
  readonly applicationName: string | undefined;
  readonly fallbackApplicationName: string | undefined;
  /** 0: without a bound of its own. */
  readonly connectTimeoutMs: number | undefined;
  readonly keepAlive: boolean;
  /** 0: as the system has it. */
  readonly keepAliveDelayMs: number | undefined;
  /** Binds the login to the TLS connection where the server offers it. */
  readonly channelBinding: boolean;
}

/** As `sslrootcert`: the authorities that the runtime trusts. */
export const SYSTEM_ROOTS = 'system';

/** A connection string of libpq. Each parameter means what it means there, or is refused. */
export const dsn: Parser<Dsn> = (value) => {
  const connectionString = parseConnectionString(value);
  assertHonoured(connectionString);
  const { parameters } = connectionString;
  const host = parameters.get('host');
  if (host?.includes(',') || parameters.get('hostaddr')?.includes(',')) {
    throw new InvalidValueError('must name one host');
  }
  const seconds = (name: string): number | undefined => {
    const number = integerOf(parameters, name);
    return number === undefined ? undefined : Math.max(0, number) * 1000;
  };
  const hostAddress = addressOf(parameters);
  return {
    host,
    hostAddress,
    port: portOf(parameters),
    database: parameters.get('dbname'),
    user: parameters.get('user'),
    password: parameters.get('password'),
    options: parameters.get('options'),
    applicationName: parameters.get('application_name'),
    fallbackApplicationName: parameters.get('fallback_application_name'),
    connectTimeoutMs: seconds('connect_timeout'),
    keepAlive: integerOf(parameters, 'keepalives') !== 0,
    keepAliveDelayMs: seconds('keepalives_idle'),
    channelBinding: channelBindingOf(parameters),
    ...tlsOf(parameters, host?.startsWith('/') === true && hostAddress === undefined),
  };
};

type Parameters = ReadonlyMap<string, string>;

function integerOf(parameters: Parameters, name: string): number | undefined {
  const text = parameters.get(name);
  if (text !== undefined && !/^[+-]?\d{1,9}$/.test(text)) {
    throw new InvalidValueError(`has a ${name} that is no whole number`);
  }
  return text === undefined ? undefined : Number(text);
}

function portOf(parameters: Parameters): number | undefined {
  const port = integerOf(parameters, 'port');
  if (port !== undefined && (port < 1 || port > MAX_PORT)) {
    throw new InvalidValueError(`has a port that is not between 1 and ${MAX_PORT}`);
  }
  return port;
}

function addressOf(parameters: Parameters): string | undefined {
  const address = parameters.get('hostaddr');
  if (address !== undefined && isIP(address) === 0) {
    throw new InvalidValueError('has a hostaddr that is no IP address: a name belongs into host');
  }
  return address;
}

function channelBindingOf(parameters: Parameters): boolean {
  const wanted = parameters.get('channel_binding');
  if (wanted === 'require') {
    throw new InvalidValueError(
      'has channel_binding=require, which is not supported: write prefer, and let sslmode=verify-full prove who the server is',
    );
  }
  return choiceOf(parameters, 'channel_binding', ['disable', 'prefer']) === 'prefer';
}

/** @param isUnixSocket on which there is no TLS, whatever is asked for */
function tlsOf(parameters: Parameters, isUnixSocket: boolean): DsnTls {
  const rootCert = parameters.get('sslrootcert');
  const asked = choiceOf(parameters, 'sslmode', SSL_MODES) ?? defaultMode(parameters, rootCert);
  const sslMode = isUnixSocket ? 'disable' : asked;
  if (sslMode === 'verify-ca' && rootCert === undefined) {
    throw new InvalidValueError('has sslmode=verify-ca, which needs the sslrootcert of your CA');
  }
  if (rootCert === SYSTEM_ROOTS && !isUnixSocket && sslMode !== 'verify-full') {
    throw new InvalidValueError('has sslrootcert=system, which needs sslmode=verify-full');
  }
  const direct = choiceOf(parameters, 'sslnegotiation', ['postgres', 'direct']) === 'direct';
  if (direct && !STRICT_SSL_MODES.includes(asked)) {
    throw new InvalidValueError(
      `has sslnegotiation=direct, which needs an sslmode of ${STRICT_SSL_MODES.join(', ')}`,
    );
  }
  return {
    sslMode,
    isDirect: direct && !isUnixSocket,
    rootCert,
    clientCert: parameters.get('sslcert'),
    clientKey: parameters.get('sslkey'),
    clientKeyPassword: parameters.get('sslpassword'),
    minVersion: choiceOf(parameters, 'ssl_min_protocol_version', TLS_VERSIONS),
    maxVersion: choiceOf(parameters, 'ssl_max_protocol_version', TLS_VERSIONS),
  };
}

/** `ssl=true` is how drivers other than libpq say it; libpq knows it in a URI. */
function defaultMode(parameters: Parameters, rootCert: string | undefined): SslMode {
  const ssl = choiceOf(parameters, 'ssl', ['true']);
  if (rootCert === SYSTEM_ROOTS) {
    return 'verify-full';
  }
  return ssl === 'true' ? 'require' : 'prefer';
}

function choiceOf<T extends string>(
  parameters: Parameters,
  name: string,
  choices: readonly T[],
): T | undefined {
  const text = parameters.get(name);
  const choice = choices.find((each) => each.toLowerCase() === text?.toLowerCase());
  if (text !== undefined && choice === undefined) {
    throw new InvalidValueError(
      `has an unknown ${name}: it is ${choices.length > 1 ? 'one of ' : ''}${choices.join(', ')}`,
    );
  }
  return choice;
}
