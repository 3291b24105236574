import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { saslScramSha } from '@platformatic/kafka';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  canCreateCertificates,
  createServerCertificate,
} from '../../test/support/servers/server-certificate.js';
import { readOptions } from '../config/read-options.js';
import { InvalidValueError } from '../config/setting.js';
import { KafkaConnectionOptions } from './kafka-connection.options.js';
import { securityOptions } from './security-options.js';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gotrack-kafka-options-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

function optionsFor(variables: Readonly<Record<string, string>>): KafkaConnectionOptions {
  const given = Object.entries(variables);
  const { options, faults } = readOptions(
    KafkaConnectionOptions,
    new Map(given.map(([name, text]) => [name, { text, source: 'environment' }])),
    directory,
  );
  expect(faults).toEqual([]);
  return options;
}

const LOGIN = { KAFKA_SASL_MECHANISM: 'scram-sha-256', KAFKA_SASL_USER: 'gotrack' };

describe('securityOptions', () => {
  it('are none for brokers that want neither TLS nor a password', async () => {
    expect(await securityOptions(optionsFor({}))).toEqual({});
  });

  it('verify the brokers, by the authorities of the runtime', async () => {
    expect(await securityOptions(optionsFor({ KAFKA_TLS: 'true' }))).toEqual({
      tls: { rejectUnauthorized: true },
    });
  });

  it('verify nobody where that is asked for', async () => {
    const options = optionsFor({ KAFKA_TLS: 'true', KAFKA_TLS_SKIP_VERIFY: 'true' });

    expect(await securityOptions(options)).toEqual({ tls: { rejectUnauthorized: false } });
  });

  it('log in, over TLS', async () => {
    const options = optionsFor({ ...LOGIN, KAFKA_SASL_PASSWORD: 's3cret' });

    expect(await securityOptions(options)).toEqual({
      tls: { rejectUnauthorized: true },
      sasl: { mechanism: 'SCRAM-SHA-256', username: 'gotrack', password: 's3cret' },
    });
  });

  it.each([
    ['plain', 'plain'],
    ['a,b,,c', 'a=2Cb=2C=2Cc'],
    ['=a=b,', '=3Da=3Db=2C'],
    ['=2C', '=3D2C'],
  ])('have the client send the name %s as %s, as RFC 5802 wants it', async (name, sent) => {
    const options = optionsFor({ ...LOGIN, KAFKA_SASL_USER: name, KAFKA_SASL_PASSWORD: 's3cret' });

    const username = (await securityOptions(options)).sasl?.username as string;

    expect(saslScramSha.sanitizeString(username)).toBe(sent);
  });

  it('leave a name as it is for PLAIN', async () => {
    const options = optionsFor({
      KAFKA_SASL_MECHANISM: 'plain',
      KAFKA_SASL_USER: 'a,b,=',
      KAFKA_SASL_PASSWORD: 's3cret',
    });

    expect(await securityOptions(options)).toMatchObject({ sasl: { username: 'a,b,=' } });
  });

  it.skipIf(!canCreateCertificates())('hold the authority as its file has it by then', async () => {
    const [first, second] = ['first', 'second'].map((name) =>
      createServerCertificate(directory, name),
    );
    const file = join(directory, 'ca.pem');
    const options = optionsFor({ KAFKA_TLS_CA: file });

    for (const certificate of [first, second]) {
      const pem = await readFile(certificate?.cert ?? '', 'utf8');
      await writeFile(file, pem);
      expect(await securityOptions(options)).toEqual({
        tls: { ca: pem, rejectUnauthorized: true },
      });
    }
  });

  it('hold the password as its file has it by then', async () => {
    const file = join(directory, 'password');
    await writeFile(file, 'outdated\n');
    const options = optionsFor({ ...LOGIN, KAFKA_SASL_PASSWORD_FILE: file });

    await writeFile(file, 'renewed\n');

    expect(await securityOptions(options)).toMatchObject({ sasl: { password: 'renewed' } });
  });

  it('are to be had again later when the file of the password is gone', async () => {
    const file = join(directory, 'gone');
    await writeFile(file, 's3cret');
    const options = optionsFor({ ...LOGIN, KAFKA_SASL_PASSWORD_FILE: file });

    await rm(file);

    await expect(securityOptions(options)).rejects.toThrow(
      new InvalidValueError(
        'KAFKA_SASL_PASSWORD_FILE names a file that cannot be read: it does not exist (ENOENT)',
      ),
    );
  });

  it.each([
    ['is missing', undefined, 'cannot be read'],
    ['is empty', '', 'without a certificate'],
    ['holds something else', 'not a certificate', 'without a certificate'],
  ])('say so when the file of the authority %s', async (_, content, words) => {
    const file = join(directory, 'broken.pem');
    await rm(file, { force: true });
    if (content !== undefined) {
      await writeFile(file, content);
    }

    const error = await securityOptions(optionsFor({ KAFKA_TLS_CA: file })).catch(
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(InvalidValueError);
    expect((error as Error).message).toMatch(new RegExp(`^KAFKA_TLS_CA .*${words}`));
  });
});
