import { expect, it } from 'vitest';
import { Turns } from './turns.js';

it('runs so many operations at a time, the others in order, and continues after a failure', async () => {
  const turns = new Turns(2);
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  const all = Promise.allSettled(
    [0, 1, 2, 3].map((index) =>
      turns.run(async () => {
        begun.push(index);
        await new Promise<void>((resolve) => ends.push(resolve));
        if (index === 0) {
          throw new Error('failed');
        }
        return index;
      }),
    ),
  );
  await new Promise(setImmediate);
  expect(begun).toEqual([0, 1]);
  ends[0]?.();
  await new Promise(setImmediate);
  expect(begun).toEqual([0, 1, 2]);
  ends[1]?.();
  await new Promise(setImmediate);
  ends[2]?.();
  ends[3]?.();
  expect((await all).map(({ status }) => status)).toEqual([
    'rejected',
    'fulfilled',
    'fulfilled',
    'fulfilled',
  ]);
});
