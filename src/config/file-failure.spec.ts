import { describe, expect, it } from 'vitest';
import { fileFailure } from './file-failure.js';

describe('fileFailure', () => {
  it.each([
    ['ENOENT', 'it does not exist (ENOENT)'],
    ['EACCES', 'permission is denied (EACCES)'],
    ['EISDIR', 'it is a directory (EISDIR)'],
    ['EIO', 'EIO'],
  ])('says %s in words, without the path', (code, words) => {
    const error = Object.assign(new Error(`${code}: failed, open '/run/marker'`), { code });
    expect(fileFailure(error)).toBe(words);
  });

  it('says nothing of an error without a code', () => {
    expect(fileFailure(new Error('/run/marker'))).toBe('unknown error');
  });
});
