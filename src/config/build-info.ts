import { readFileSync } from 'node:fs';

export interface BuildInfo {
  readonly version: string;
  /** The commit the program was built from; `unknown` when the build did not say. */
  readonly revision: string;
}

/** The version is that of `package.json`; the revision is in `dist/revision.txt`, where a build may write it. */
export function readBuildInfo(): BuildInfo {
  const { version } = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  ) as { version: string };
  return { version, revision: readRevision(new URL('../revision.txt', import.meta.url)) };
}

export function readRevision(file: URL): string {
  try {
    return readFileSync(file, 'utf8').trim() || 'unknown';
  } catch {
    return 'unknown';
  }
}
