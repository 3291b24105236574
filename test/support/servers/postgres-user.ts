import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Before all tests: root cannot run PostgreSQL, and two spec files that create a user for it at the same
 * time get into each other's way.
 */
export default async function createPostgresUser(): Promise<void> {
  if (process.getuid?.() !== 0) {
    return;
  }
  try {
    await run('id', ['postgres']);
  } catch {
    // When it fails, the tests of PostgreSQL say so.
    await run('useradd', ['--system', '--user-group', 'postgres']).catch(() => undefined);
  }
}
