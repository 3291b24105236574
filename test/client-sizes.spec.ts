import { readFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';

describe("the browser client's files", () => {
  it.each([
    ['pixel.js', 4096],
    ['pixel.umd.js', 4096],
    ['pixel.esm.js', 4096],
    ['pixel.lite.js', 2048],
  ])('%s has at most %i bytes after gzip -9', async (name, maxBytes) => {
    const script = await readFile(`dist/assets/${name}`);
    expect(script.length).toBeGreaterThan(100);
    expect(gzipSync(script, { level: 9 }).length).toBeLessThanOrEqual(maxBytes);
  });
});
