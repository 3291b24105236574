import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { ParsingTurns } from './parsing-turns.js';

const LARGE = 64 * 1024;

it('lets others have their turn between two large bodies that end at the same moment', async () => {
  const turns = new ParsingTurns();
  const order: string[] = [];
  const bodies = Promise.all(
    [LARGE, LARGE, LARGE].map(async (length) => {
      await turns.next(length);
      order.push('body');
    }),
  );
  while (order.filter((who) => who === 'body').length < 3) {
    await nextTurn();
    order.push('others');
  }
  await bodies;
  expect(order.join(' ')).toMatch(/^(others )*body (others )+body (others )+body others$/);
});

it('makes small bodies wait for nobody', () => {
  const turns = new ParsingTurns();
  void turns.next(LARGE);
  expect(turns.next(LARGE - 1)).toBeUndefined();
});
