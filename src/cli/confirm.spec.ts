import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { confirm } from './confirm.js';

function terminal(typed: string): PassThrough & { isTTY: boolean } {
  const input = Object.assign(new PassThrough(), { isTTY: true });
  input.end(typed);
  return input;
}

describe('confirm', () => {
  it.each([
    ['y\n', true],
    ['Yes\n', true],
    ['n\n', false],
    ['\n', false],
    ['yesterday\n', false],
    ['', false],
  ])('takes %j for %s', async (typed, isSure) => {
    const output = new PassThrough();
    expect(await confirm('Delete it?', terminal(typed), output)).toBe(isSure);
    expect(String(output.read())).toContain('Delete it? [y/N]');
  });

  it('asks nobody without a terminal', async () => {
    await expect(confirm('Delete it?', new PassThrough(), new PassThrough())).rejects.toThrow(
      '--yes',
    );
  });
});
