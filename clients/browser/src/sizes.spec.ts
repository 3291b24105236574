import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ASSET_FILES, bundle, compressedBytes } from '../build.mjs';

const TABLE = readFileSync('docs/performance.md', 'utf8');

/** The row that begins with these cells; its numbers. */
function numbersOf(...begin: string[]): number[] {
  const row = TABLE.split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .find((cells) => begin.every((cell, index) => cells[index + 1] === cell));
  if (row === undefined) {
    throw new Error(`docs/performance.md has no row for ${begin.join(' ')}`);
  }
  return row.slice(begin.length + 1, -1).map((cell) => Number(cell.replaceAll(',', '')));
}

describe('the files of the client', () => {
  it.each(ASSET_FILES)('has at most $maxBytes bytes after gzip: $name', async (file) => {
    const code = await bundle(file);
    expect(compressedBytes(code)).toBeLessThanOrEqual(file.maxBytes);
    // What a page may read of them must have kept its name.
    for (const name of file.name === 'pixel.auto.js'
      ? ['gotrack']
      : ['gotrack', 'init', 'event_id']) {
      expect(code).toMatch(new RegExp(`\\b${name}\\b`));
    }
  });

  it.each(ASSET_FILES)('weighs what docs/performance.md says: $name', async (file) => {
    const code = await bundle(file);
    const [minified, compressed = 0] = numbersOf('GoTrack', `\`${file.name}\``);
    expect(minified).toBe(code.length);
    // zlib is not the same on each kind of processor.
    expect(Math.abs(compressedBytes(code) - compressed)).toBeLessThanOrEqual(20);
  });
});

describe('the files of other clients', () => {
  const script = readFileSync('scripts/client-sizes.js', 'utf8');
  const peers = [...script.matchAll(/^ {2}\['(.+)', '(.+)', '(.+)'\],$/gm)];

  it.each(peers.map(([, ...peer]) => peer))(
    'stand beside them in docs/performance.md, of the version that is weighed: %s %s',
    (name, version, file) => {
      expect(numbersOf(`${name} ${version}`, `\`${file}\``)).toEqual(
        Array.from({ length: 3 }, () => expect.any(Number)),
      );
    },
  );

  it('are several', () => {
    expect(peers.length).toBeGreaterThan(5);
  });
});
