import { nearMiss } from '../../config/near-miss.js';
import { InvalidValueError } from '../../config/setting.js';
import type { ConnectionString } from './connection-string.js';

/** Those of which `dsn` makes something, whatever their value. */
const HONOURED = [
  'host',
  'hostaddr',
  'port',
  'dbname',
  'user',
  'password',
  'options',
  'application_name',
  'fallback_application_name',
  'connect_timeout',
  'keepalives',
  'keepalives_idle',
  'ssl',
  'sslmode',
  'sslnegotiation',
  'sslrootcert',
  'sslcert',
  'sslkey',
  'sslpassword',
  'ssl_min_protocol_version',
  'ssl_max_protocol_version',
  'channel_binding',
];

/** Those that are honoured with these values only: the sink works like that in any case. */
const ONLY_AS = new Map<string, readonly string[]>([
  ['client_encoding', ['utf8', 'utf-8', 'unicode', 'auto']],
  ['gssdelegation', ['0']],
  ['gssencmode', ['disable', 'prefer']],
  ['keepalives_count', ['0']],
  ['keepalives_interval', ['0']],
  ['load_balance_hosts', ['disable']],
  ['max_protocol_version', ['3.0']],
  ['min_protocol_version', ['3.0']],
  ['replication', ['0', 'false', 'no', 'off']],
  ['sslcertmode', ['allow']],
  ['sslcompression', ['0']],
  ['sslsni', ['1']],
  // It writes: a server that is read-only is an outage, and the next attempt is on a fresh connection.
  ['target_session_attrs', ['any', 'primary', 'read-write']],
  ['tcp_user_timeout', ['0']],
  // A word of the driver's: what it asks for is always so.
  ['uselibpqcompat', ['true']],
]);

/** What libpq knows and the sink cannot do, or other drivers know; and what to write instead. */
const NOT_HONOURED = new Map([
  ['krbsrvname', 'remove it, there is no login by Kerberos'],
  ['gsslib', 'remove it, there is no login by Kerberos'],
  ['passfile', 'name a file that holds the whole DSN in PG_DSN_FILE'],
  ['require_auth', 'remove it, and let sslmode=verify-full prove who the server is'],
  ['requirepeer', 'remove it, and name a directory that only the server may write as the host'],
  ['service', 'write out what the service has'],
  ['servicefile', 'write out what the service has'],
  ['sslcrl', 'remove it, and sign the server with an authority of its own'],
  ['sslcrldir', 'remove it, and sign the server with an authority of its own'],
  ['sslkeylogfile', 'remove it'],
  ['statement_timeout', 'remove it, a statement ends after 25 s'],
  ['query_timeout', 'remove it, a batch ends after 30 s'],
  ['lock_timeout', 'write options=-c%20lock_timeout%3D…'],
  [
    'idle_in_transaction_session_timeout',
    'write options=-c%20idle_in_transaction_session_timeout%3D…',
  ],
]);

const KNOWN: ReadonlySet<string> = new Set(
  [...HONOURED, ...ONLY_AS.keys(), ...NOT_HONOURED.keys()].map((name) => name.toUpperCase()),
);

/**
 * Accepts what the sink honours as libpq means it.
 * @throws InvalidValueError for anything else, so that nothing is dropped in silence
 */
export function assertHonoured({ parameters, namesSecret }: ConnectionString): void {
  for (const [name, value] of parameters) {
    const values = ONLY_AS.get(name);
    const instead = NOT_HONOURED.get(name);
    if (values && !values.includes(value.toLowerCase())) {
      throw new InvalidValueError(
        `has a ${name} that is not supported: remove it, or write ${values.join(' or ')}`,
      );
    }
    if (instead !== undefined) {
      throw new InvalidValueError(`has ${name}, which is not supported: ${instead}`);
    }
    if (!values && !HONOURED.includes(name)) {
      throw new InvalidValueError(unknown(name, namesSecret));
    }
  }
}

function unknown(name: string, mayBeSecret: boolean): string {
  const meant = nearMiss(name.toUpperCase(), KNOWN) ?? (KNOWN.has(name.toUpperCase()) && name);
  const shown = mayBeSecret ? 'a parameter' : `the parameter ${name}`;
  if (typeof meant === 'string') {
    return `has ${shown} that is not known: ${meant.toLowerCase()} is probably meant`;
  }
  return mayBeSecret
    ? 'has a parameter that is not known; if it is a part of the password: a value with blanks is in quotes, & in a URL is %26'
    : `has ${shown} that is not known: remove it`;
}
