import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { readCertificates, readPem } from '../../config/pem-file.js';
import { type Dsn, SYSTEM_ROOTS } from './dsn.js';

/** How to speak to the server: TLS options, or `false` for plain text. */
export type Encryption = ConnectionOptions | false;

/**
 * The ways to connect that the DSN allows, the preferred one first. The files it names are read each time:
 * certificates are renewed.
 * @throws InvalidValueError a file cannot be used
 */
export async function encryptions(dsn: Dsn): Promise<readonly Encryption[]> {
  if (dsn.sslMode === 'disable') {
    return [false];
  }
  const tls = await tlsOptions(dsn);
  if (dsn.sslMode === 'allow') {
    return [false, tls];
  }
  return dsn.sslMode === 'prefer' ? [tls, false] : [tls];
}

async function tlsOptions(dsn: Dsn): Promise<ConnectionOptions> {
  const { sslMode, rootCert, clientCert, clientKey } = dsn;
  const [ca, cert, key] = await Promise.all([
    rootCert === undefined || rootCert === SYSTEM_ROOTS
      ? undefined
      : readCertificates('PG_DSN: its sslrootcert', rootCert),
    clientCert === undefined ? undefined : readPem('PG_DSN: its sslcert', clientCert),
    clientKey === undefined ? undefined : readPem('PG_DSN: its sslkey', clientKey),
  ]);
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(dsn.clientKeyPassword === undefined ? {} : { passphrase: dsn.clientKeyPassword }),
    ...(dsn.minVersion === undefined ? {} : { minVersion: dsn.minVersion }),
    ...(dsn.maxVersion === undefined ? {} : { maxVersion: dsn.maxVersion }),
    ...nameToVerify(dsn),
    ...verification(sslMode, ca !== undefined),
  };
}

/** The driver knows the address only when the DSN has one beside the name. */
function nameToVerify({ host, hostAddress }: Dsn): ConnectionOptions {
  if (host === undefined || hostAddress === undefined) {
    return {};
  }
  // An address must not be sent as the server's name (RFC 6066, section 3).
  return isIP(host) === 0 ? { servername: host } : { host };
}

/** With a CA at hand libpq verifies the chain in every mode, the name in `verify-full` only. */
function verification(sslMode: Dsn['sslMode'], hasCa: boolean): ConnectionOptions {
  if (sslMode === 'verify-full') {
    return {};
  }
  return hasCa ? { checkServerIdentity: () => undefined } : { rejectUnauthorized: false };
}
