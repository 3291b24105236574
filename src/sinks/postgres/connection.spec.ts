import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { Connection } from './connection.js';
import { dsn } from './dsn.js';

it('gives up in time although a file of the DSN cannot be read to its end', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'gotrack-connection-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const pipe = join(directory, 'ca.pem');
  execFileSync('mkfifo', [pipe]);
  const address = `postgres://127.0.0.1:1/x?sslmode=verify-full&sslrootcert=${pipe}`;
  const connection = new Connection(() => Promise.resolve(dsn(address)));
  onTestFinished(() => connection.close());

  await expect(connection.use(50, () => Promise.resolve())).rejects.toMatchObject({
    errorType: 'timeout',
    message: 'PostgreSQL gave no answer within 50 ms',
  });

  // Its reader is let go.
  await writeFile(pipe, '');
});
