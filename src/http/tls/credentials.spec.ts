import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  CertificateAuthority,
  encryptKey,
  type ServerCertificate,
} from '../../../test/support/servers/server-certificate.js';
import type { CredentialFiles, FileContents } from './credential-files.js';
import { checkCredentials, CredentialsError } from './credentials.js';

const FILES: CredentialFiles = {
  cert: { variable: 'CERT', path: 'unused' },
  key: { variable: 'KEY', path: 'unused' },
  clientCa: { variable: 'CA', path: 'unused' },
};

let directory: string;
let ca: string;
let expiredCert: ServerCertificate;
let sound: { readonly cert: string; readonly key: string; readonly clientCa: string };

const read = (path: string): string => readFileSync(path, 'utf8');

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'gotrack-certificates-'));
  const authority = new CertificateAuthority(directory, 'authority');
  const server = authority.issue('server');
  ca = read(authority.cert);
  expiredCert = authority.issue('expired', { days: -1 });
  sound = { cert: read(server.cert), key: read(server.key), clientCa: ca };
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

function faultsOf(contents: Partial<FileContents>): Record<string, string> {
  try {
    checkCredentials(FILES, { ...sound, ...contents });
    return {};
  } catch (error) {
    if (!(error instanceof CredentialsError)) {
      throw error;
    }
    return Object.fromEntries(error.faults.map(({ name, reason }) => [name, reason]));
  }
}

describe('checkCredentials', () => {
  it('takes a sound set, and says until when it is valid', () => {
    expect(checkCredentials(FILES, sound)).toEqual({
      cert: sound.cert,
      key: sound.key,
      ca,
      notAfter: new X509Certificate(sound.cert).validToDate,
      warnings: [],
    });
  });

  it("takes a chain, the server's own certificate first", () => {
    expect(faultsOf({ cert: sound.cert + ca })).toEqual({});
    expect(Object.keys(faultsOf({ cert: ca + sound.cert }))).toEqual(['KEY']);
  });

  it('takes text around what is in PEM form', () => {
    const commented = (pem: string): string => `subject=somebody\r\n${pem}\n# the end\n`;
    expect(faultsOf({ cert: commented(sound.cert), clientCa: commented(ca) })).toEqual({});
  });

  it('names every fault at once', () => {
    expect(faultsOf({ cert: '', key: '', clientCa: '' })).toEqual({
      CERT: 'names a file without a certificate in PEM form',
      KEY: 'names a file without a private key in PEM form',
      CA: 'names a file without a certificate in PEM form',
    });
  });

  it('finds the one that is broken among others', () => {
    const broken = '-----BEGIN CERTIFICATE-----\nZ2FyYmFnZQ==\n-----END CERTIFICATE-----\n';
    expect(faultsOf({ clientCa: ca + broken })).toEqual({
      CA: 'names a file whose certificate 2 cannot be read; write it again',
    });
  });

  it('does not take a key for a certificate, nor a certificate for a key', () => {
    expect(Object.keys(faultsOf({ cert: sound.key, key: sound.cert }))).toEqual(['CERT', 'KEY']);
  });

  it('does not ask for a passphrase', () => {
    const keyPath = join(directory, 'authority-server.key');
    expect(faultsOf({ key: read(encryptKey(keyPath, 'whatever')) })['KEY']).toMatch(
      /is encrypted; take its passphrase off/,
    );
  });

  it('warns of what has expired, in the chain of the server and among authorities', () => {
    const { warnings } = checkCredentials(FILES, {
      cert: read(expiredCert.cert),
      key: read(expiredCert.key),
      clientCa: ca + read(expiredCert.cert),
    });
    expect(warnings).toHaveLength(2);
    expect(warnings[0]).toMatch(/^CERT: a certificate in it expired on .*; renew it$/);
    expect(warnings[1]).toMatch(/^CA: a certificate in it expired on /);
  });
});
