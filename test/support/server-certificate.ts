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
