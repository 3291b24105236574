import type { Configuration } from './load-configuration.js';

/** Every variable with its effective value (secrets masked) and where it comes from: a line each, by module. */
export function describeConfiguration({ settings }: Pick<Configuration, 'settings'>): string {
  const rows = settings
    .toSorted((a, b) => a.module.localeCompare(b.module))
    .map(({ module, name, shown, source }) => [module, name, shown || '(unset)', source] as const);
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '))
    .map((line) => `${line}\n`)
    .join('');
}
