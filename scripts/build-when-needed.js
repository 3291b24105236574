// Builds dist/ unless it is newer than everything it is made from.
import { spawnSync } from 'node:child_process';
import { globSync, statSync } from 'node:fs';

const MADE_FROM = [
  'src/**/*.ts',
  'clients/browser/*.{mjs,json}',
  'clients/browser/src/**/*.ts',
  'package.json',
  'package-lock.json',
  'nest-cli.json',
  'tsconfig*.json',
];

function changedAtMs(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

// The last of what a build writes counts, too: it may have failed in between.
const builtAtMs = Math.min(changedAtMs('dist/cli.js'), changedAtMs('dist/assets/pixel.auto.js'));
if (
  MADE_FROM.flatMap((pattern) => globSync(pattern)).some((path) => changedAtMs(path) > builtAtMs)
) {
  const { status } = spawnSync('npm', ['run', '--silent', 'build'], { stdio: ['ignore', 2, 2] });
  process.exitCode = status ?? 1;
}
