import { describe, expect, it } from 'vitest';
import { shareWhileRunning } from './share-while-running.js';

describe('shareWhileRunning', () => {
  it('gives one outcome to all that ask while it runs, and a new one afterwards', async () => {
    const runs: PromiseWithResolvers<number>[] = [];
    const ask = shareWhileRunning(() => {
      const run = Promise.withResolvers<number>();
      runs.push(run);
      return run.promise;
    });

    const answers = [ask(), ask()];
    runs[0]?.resolve(1);
    expect(await Promise.all(answers)).toEqual([1, 1]);

    const later = ask();
    runs[1]?.reject(new Error('no'));
    await expect(later).rejects.toThrow('no');
    const last = ask();
    runs[2]?.resolve(3);
    expect(await last).toBe(3);
  });
});
