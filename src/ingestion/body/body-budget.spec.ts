import type { IncomingMessage, ServerResponse } from 'node:http';
import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { BodyBudget, type BodyShare } from './body-budget.js';

const LIMIT = 100_000;

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'setTimeout'] }));
afterEach(() => void vi.useRealTimers());

function open(budget: BodyBudget): BodyShare {
  const socket = new EventEmitter();
  return budget.open(
    { socket } as IncomingMessage,
    new EventEmitter() as unknown as ServerResponse,
  );
}

/** A body that has begun; `gaveWay` tells whether it was refused since. */
function begin(budget: BodyBudget): { readonly share: BodyShare; gaveWay: boolean } {
  const body = { share: open(budget), gaveWay: false };
  body.share.beginArriving(() => (body.gaveWay = true));
  return body;
}

it.each([
  ['says nothing any more', () => {}],
  ['sends a byte now and then', (share: BodyShare) => share.take(1)],
])('takes the room of a body that %s for the next one', (_, dribble) => {
  const budget = new BodyBudget(LIMIT);
  const slow = begin(budget);
  expect(slow.share.take(LIMIT - 10)).toBe(true);
  for (let n = 0; n < 4; n += 1) {
    vi.advanceTimersByTime(400);
    dribble(slow.share);
  }
  const next = begin(budget);
  expect(next.share.take(5000)).toBe(true);
  expect([slow.gaveWay, next.gaveWay]).toEqual([true, false]);
  expect(slow.share.take(1)).toBe(false);
  expect(budget.usedBytes).toBe(5000);
});

it('leaves a slow body alone while there is room', () => {
  const budget = new BodyBudget(LIMIT);
  const slow = begin(budget);
  slow.share.take(1);
  vi.advanceTimersByTime(20_000);
  expect(begin(budget).share.take(LIMIT - 1)).toBe(true);
  expect(slow.gaveWay).toBe(false);
});

it('leaves those that come at a fair pace, or have arrived, and refuses the next one', () => {
  const budget = new BodyBudget(LIMIT);
  const fair = begin(budget);
  const arrived = begin(budget);
  arrived.share.take(60_000);
  arrived.share.endArriving();
  for (let n = 0; n < 4; n += 1) {
    vi.advanceTimersByTime(400);
    expect(fair.share.take(10_000)).toBe(true);
  }
  const next = begin(budget);
  expect(next.share.take(1)).toBe(false);
  expect([fair.gaveWay, arrived.gaveWay]).toEqual([false, false]);
});

it('does not look again for each piece that finds no room', () => {
  const budget = new BodyBudget(LIMIT);
  const slow = begin(budget);
  slow.share.take(LIMIT);
  vi.advanceTimersByTime(950);
  const fair = begin(budget);
  expect(fair.share.take(1)).toBe(false);
  vi.advanceTimersByTime(90);
  expect(budget.hasRoomFor(1)).toBe(false);
  vi.advanceTimersByTime(10);
  expect(budget.hasRoomFor(1)).toBe(true);
});
