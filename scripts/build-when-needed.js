// Builds dist/ unless it is newer than everything it is made from.
import { spawnSync } from 'node:child_process';
import { globSync, statSync } from 'node:fs';

const MADE_FROM = [
  'src/**/*.ts',
  'package.json',
  'package-lock.json',
  'nest-cli.json',
  'tsconfig*.json',
];

function changedAtMs(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

const builtAtMs = changedAtMs('dist/cli.js');
if (
  MADE_FROM.flatMap((pattern) => globSync(pattern)).some((path) => changedAtMs(path) > builtAtMs)
) {
  const { status } = spawnSync('npm', ['run', '--silent', 'build'], { stdio: ['ignore', 2, 2] });
  process.exitCode = status ?? 1;
}
