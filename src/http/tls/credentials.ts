import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { Fault } from '../../config/configuration-error.js';
import { fileFailure } from '../../config/file-failure.js';
import type { CredentialFiles, FileContents, NamedFile } from './credential-files.js';

/** Checked: a server that is given them can be spoken to. */
export interface Credentials {
  readonly cert: string;
  readonly key: string;
  readonly ca: string | undefined;
  /** Until when the server's own certificate is valid. */
  readonly notAfter: Date;
  /** What works, and not for long, or not yet. */
  readonly warnings: readonly string[];
}

/** The credentials cannot be used. */
export class CredentialsError extends Error {
  override readonly name = 'CredentialsError';

  constructor(readonly faults: readonly Fault[]) {
    super(faults.map(({ name, reason }) => `${name} ${reason}`).join('; '));
  }
}

/**
 * Checks what OpenSSL would take and then fail on, at the first client or for every one: a file of
 * authorities without a certificate locks all clients out, an empty one lets the system's roots in.
 * @throws CredentialsError with every fault; it repeats nothing of the files
 */
export function checkCredentials(files: CredentialFiles, contents: FileContents): Credentials {
  const faults: Fault[] = [];
  const collectFault = <T>(file: NamedFile, read: () => T): T | undefined => {
    try {
      return read();
    } catch (error) {
      const reason = error instanceof UnusableFile ? error.message : 'cannot be used';
      faults.push({ name: file.variable, reason });
      return undefined;
    }
  };

  const chain = collectFault(files.cert, () => certificatesIn(contents.cert));
  const privateKey = collectFault(files.key, () => privateKeyIn(contents.key));
  const authorities =
    files.clientCa && collectFault(files.clientCa, () => certificatesIn(contents.clientCa));
  const own = chain?.[0];
  if (own && privateKey && !own.checkPrivateKey(privateKey)) {
    const reason = `does not belong to the first certificate in ${files.cert.variable}; put the server's own certificate first, and name its key`;
    faults.push({ name: files.key.variable, reason });
  }
  if (!own || faults.length > 0) {
    throw new CredentialsError(faults);
  }

  const [cert, key] = [textOf(contents.cert), textOf(contents.key)];
  const ca = files.clientCa && textOf(contents.clientCa);
  collectFault(files.cert, () => tryOut({ cert, key, ca }));
  if (faults.length > 0) {
    throw new CredentialsError(faults);
  }
  return {
    cert,
    key,
    ca,
    notAfter: own.validToDate,
    warnings: [
      ...validityWarnings(files.cert, own),
      ...(authorities ?? []).flatMap((each) => validityWarnings(files.clientCa!, each)),
    ],
  };
}

/** What is wrong with a file, and what to do. */
class UnusableFile extends Error {}

function textOf(content: string | Error | undefined): string {
  if (typeof content !== 'string') {
    throw new UnusableFile(`names a file that cannot be read: ${fileFailure(content)}`);
  }
  return content;
}

const CERTIFICATE =
  /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]+-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g;

function certificatesIn(content: string | Error | undefined): X509Certificate[] {
  const blocks = textOf(content).match(CERTIFICATE);
  if (!blocks) {
    throw new UnusableFile('names a file without a certificate in PEM form');
  }
  return blocks.map((block, index) => {
    try {
      return new X509Certificate(block);
    } catch {
      throw new UnusableFile(
        `names a file whose certificate ${index + 1} cannot be read; write it again`,
      );
    }
  });
}

function privateKeyIn(content: string | Error | undefined): KeyObject {
  const pem = textOf(content);
  try {
    return createPrivateKey(pem);
  } catch {
    throw new UnusableFile(
      /ENCRYPTED/.test(pem)
        ? 'names a key that is encrypted; take its passphrase off (openssl pkey -in … -out …)'
        : 'names a file without a private key in PEM form',
    );
  }
}

/** OpenSSL has rules of its own, such as a least size of keys. */
function tryOut(options: { cert: string; key: string; ca: string | undefined }): void {
  try {
    createSecureContext(options);
  } catch (error) {
    throw new UnusableFile(`names a certificate that OpenSSL refuses: ${reasonOf(error)}`);
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error && 'reason' in error ? String(error.reason) : 'no reason given';
}

/** To refuse an expired certificate would let a restart at night take the server down. */
function validityWarnings(
  { variable }: NamedFile,
  { validFromDate, validToDate }: X509Certificate,
): string[] {
  const now = Date.now();
  if (validToDate.getTime() < now) {
    return [
      `${variable}: a certificate in it expired on ${validToDate.toISOString()}, and those who verify it will refuse it; renew it`,
    ];
  }
  return validFromDate.getTime() > now
    ? [
        `${variable}: a certificate in it is valid from ${validFromDate.toISOString()} only, and those who verify it will refuse it; check the clock of this machine`,
      ]
    : [];
}
