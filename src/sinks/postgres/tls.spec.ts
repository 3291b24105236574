import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import { dsn } from './dsn.js';
import { encryptions } from './tls.js';

const CA = String(rootCertificates[0]);

async function file(content: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'gotrack-tls-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const path = join(directory, 'a.pem');
  await writeFile(path, content);
  return path;
}

const encryptionsOf = (parameters: string) => encryptions(dsn(`postgres://db/x?${parameters}`));

const unverified = { rejectUnauthorized: false };

describe('encryptions', () => {
  it.each([
    ['sslmode=disable', [false]],
    ['sslmode=allow', [false, unverified]],
    ['', [unverified, false]],
    ['sslmode=require', [unverified]],
    ['sslmode=verify-full', [{}]],
    ['sslrootcert=system', [{}]],
  ])('are for %j those of libpq', async (parameters, expected) => {
    expect(await encryptionsOf(parameters)).toEqual(expected);
  });

  it.each(['require', 'verify-ca'])(
    'with a CA verify the chain and not the name in the mode %s',
    async (mode) => {
      const [options, ...others] = await encryptionsOf(
        `sslmode=${mode}&sslrootcert=${await file(CA)}`,
      );
      expect(options).toEqual({ ca: CA, checkServerIdentity: expect.any(Function) });
      expect(others).toEqual([]);
    },
  );

  it('with a CA verify chain and name in the mode verify-full', async () => {
    const parameters = `sslmode=verify-full&sslrootcert=${await file(CA)}`;
    expect(await encryptionsOf(parameters)).toEqual([{ ca: CA }]);
  });

  it('show the certificate of the client', async () => {
    const [cert, key] = [await file('certificate'), await file('key')];
    expect(await encryptionsOf(`sslmode=require&sslcert=${cert}&sslkey=${key}`)).toEqual([
      { cert: 'certificate', key: 'key', rejectUnauthorized: false },
    ]);
  });

  it.each(['', 'no certificate'])('refuse a CA file that holds %j', async (content) => {
    await expect(
      encryptionsOf(`sslmode=require&sslrootcert=${await file(content)}`),
    ).rejects.toThrow('PG_DSN: its sslrootcert names a file without a certificate in PEM form');
  });

  it('say which file is missing, without its path', async () => {
    await expect(encryptionsOf('sslmode=require&sslkey=/nowhere/key')).rejects.toThrow(
      /^PG_DSN: its sslkey names a file that cannot be read: it does not exist \(ENOENT\)$/,
    );
  });
});
