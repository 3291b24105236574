import { execFileSync, spawnSync } from 'node:child_process';
import { chownSync } from 'node:fs';
import { join } from 'node:path';

export interface ServerCertificate {
  /** Paths. It is its own CA. */
  readonly cert: string;
  readonly key: string;
}

export function canCreateCertificates(): boolean {
  return !spawnSync('openssl', ['version']).error;
}

/** A certificate for 127.0.0.1 and nobody else, made in `directory` for a server that runs as the user `postgres`. */
export function createServerCertificate(directory: string, name: string): ServerCertificate {
  const [cert, key] = [join(directory, `${name}.crt`), join(directory, `${name}.key`)];
  const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1'];
  const files = ['-nodes', '-keyout', key, '-out', cert];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', ...files, ...subject], {
    stdio: 'ignore',
  });
  if (process.getuid?.() === 0) {
    const uid = Number(execFileSync('id', ['-u', 'postgres']));
    for (const path of [cert, key]) {
      chownSync(path, uid, -1);
    }
  }
  return { cert, key };
}

const FOR_LOOPBACK = ['-addext', 'subjectAltName=IP:127.0.0.1'];
const EC_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** Signs certificates for servers on 127.0.0.1, and for their clients; all files are in `directory`. */
export class CertificateAuthority {
  /** The path of its own certificate. */
  readonly cert: string;
  private readonly key: string;

  /** @param issuer that has signed it; without one it is a root */
  constructor(
    private readonly directory: string,
    private readonly name: string,
    issuer?: CertificateAuthority,
  ) {
    this.cert = join(directory, `${name}.crt`);
    this.key = join(directory, `${name}.key`);
    const by = issuer ? ['-CA', issuer.cert, '-CAkey', issuer.key] : [];
    const files = ['-keyout', this.key, '-out', this.cert];
    openssl('req', '-x509', ...EC_KEY, ...files, ...subjectOf(name), ...by);
  }

  /** @param days for which it is valid from now on; a negative number makes one that has expired */
  issue(name: string, { days = 2 } = {}): ServerCertificate {
    const path = join(this.directory, `${this.name}-${name}`);
    const [cert, key, wish] = [`${path}.crt`, `${path}.key`, `${path}.csr`];
    openssl('req', ...EC_KEY, '-keyout', key, '-out', wish, ...subjectOf(name), ...FOR_LOOPBACK);
    const by = ['-CA', this.cert, '-CAkey', this.key, '-copy_extensions', 'copy'];
    openssl('x509', '-req', '-in', wish, ...by, '-days', String(days), '-out', cert);
    return { cert, key };
  }
}

/** @returns the path of the same key with a passphrase */
export function encryptKey(key: string, passphrase: string): string {
  const encrypted = `${key}.encrypted`;
  openssl('pkey', '-in', key, '-aes256', '-passout', `pass:${passphrase}`, '-out', encrypted);
  return encrypted;
}

function subjectOf(name: string): string[] {
  return ['-subj', `/CN=${name}`];
}

function openssl(...args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}
