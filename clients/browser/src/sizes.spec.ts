import { describe, expect, it } from 'vitest';
import { ASSET_FILES, bundle, compressedBytes } from '../build.mjs';

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
});
