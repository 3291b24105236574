import { execFileSync } from 'node:child_process';
import { copyFile, rename } from 'node:fs/promises';
import { join } from 'node:path';

/** Paths. */
export interface SignedPair {
  readonly cert: string;
  readonly key: string;
}

/** A certificate authority whose files are in `directory`, named after it. */
export class TestAuthority {
  readonly cert: string;
  private readonly key: string;

  constructor(
    private readonly directory: string,
    private readonly name: string,
  ) {
    const own = this.request(name, 30, ['-addext', 'keyUsage=critical,keyCertSign']);
    this.cert = own.cert;
    this.key = own.key;
  }

  /** For 127.0.0.1, whether it serves or asks. */
  sign(name: string, days = 30): SignedPair {
    return this.request(
      `${this.name}-${name}`,
      days,
      ['-CA', this.cert, '-CAkey', this.key].concat(
        ['-addext', 'basicConstraints=critical,CA:FALSE'],
        ['-addext', 'subjectAltName=IP:127.0.0.1'],
      ),
    );
  }

  private request(name: string, days: number, rest: readonly string[]): SignedPair {
    const [cert, key] = [join(this.directory, `${name}.crt`), join(this.directory, `${name}.key`)];
    const algorithm = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const what = ['-subj', `/CN=${name}`, '-days', String(days), '-keyout', key, '-out', cert];
    execFileSync('openssl', ['req', '-x509', ...algorithm, ...what, ...rest], { stdio: 'pipe' });
    return { cert, key };
  }
}

/** Puts copies in the place of the files, each by a rename. */
export async function replacePair(place: SignedPair, { cert, key }: SignedPair): Promise<void> {
  for (const [from, to] of [
    [cert, place.cert],
    [key, place.key],
  ] as const) {
    await copyFile(from, `${to}.new`);
    await rename(`${to}.new`, to);
  }
}
