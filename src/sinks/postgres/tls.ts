import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { ConnectionOptions } from 'node:tls';
import { fileFailure } from '../../config/file-failure.js';
import { RetryableSinkError } from '../sink.js';
import { type Dsn, SYSTEM_ROOTS } from './dsn.js';

/** How to speak to the server: TLS options, or `false` for plain text. */
export type Encryption = ConnectionOptions | false;

/**
 * The ways to connect that the DSN allows, the preferred one first. The files it names are read each time:
 * certificates are renewed.
 * @throws RetryableSinkError a file cannot be used
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

async function tlsOptions({
  sslMode,
  rootCert,
  clientCert,
  clientKey,
}: Dsn): Promise<ConnectionOptions> {
  const [ca, cert, key] = await Promise.all([
    rootCert === SYSTEM_ROOTS ? undefined : readPem('sslrootcert', rootCert),
    readPem('sslcert', clientCert),
    readPem('sslkey', clientKey),
  ]);
  if (ca !== undefined) {
    assertCertificate(ca);
  }
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...verification(sslMode, ca !== undefined),
  };
}

/** With a CA at hand libpq verifies the chain in every mode, the name in `verify-full` only. */
function verification(sslMode: Dsn['sslMode'], hasCa: boolean): ConnectionOptions {
  if (sslMode === 'verify-full') {
    return {};
  }
  return hasCa ? { checkServerIdentity: () => undefined } : { rejectUnauthorized: false };
}

async function readPem(parameter: string, path: string | undefined): Promise<string | undefined> {
  if (path === undefined) {
    return undefined;
  }
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new RetryableSinkError(
      'other',
      `PG_DSN: its ${parameter} names a file that cannot be read: ${fileFailure(error)}`,
    );
  }
}

/** Node takes a file without certificates, and then trusts nobody. */
function assertCertificate(pem: string): void {
  try {
    void new X509Certificate(pem);
  } catch {
    throw new RetryableSinkError(
      'other',
      'PG_DSN: its sslrootcert names a file without a certificate in PEM form',
    );
  }
}
