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

class Body {
  readonly share: BodyShare;
  /** Whether it was refused. */
  gaveWay = false;

  constructor(budget: BodyBudget) {
    this.share = open(budget);
  }

  /** A piece arrives, and more is to come. */
  take(bytes: number): boolean {
    const taken = this.share.take(bytes);
    if (taken) {
      this.share.arrives(() => (this.gaveWay = true));
    }
    return taken;
  }
}

it.each([
  ['says nothing any more', () => {}],
  ['sends a byte now and then', (body: Body) => body.take(1)],
])('takes the room of a body that %s for the next one', (_, dribble) => {
  const budget = new BodyBudget(LIMIT);
  const slow = new Body(budget);
  expect(slow.take(LIMIT - 10)).toBe(true);
  for (let n = 0; n < 4; n += 1) {
    vi.advanceTimersByTime(400);
    dribble(slow);
  }
  const next = new Body(budget);
  expect(next.take(5000)).toBe(true);
  expect([slow.gaveWay, next.gaveWay]).toEqual([true, false]);
  expect(slow.take(1)).toBe(false);
  expect(budget.usedBytes).toBe(5000);
});

it('leaves a slow body alone while there is room', () => {
  const budget = new BodyBudget(LIMIT);
  const slow = new Body(budget);
  slow.take(1);
  vi.advanceTimersByTime(20_000);
  expect(new Body(budget).take(LIMIT - 1)).toBe(true);
  expect(slow.gaveWay).toBe(false);
});

it('leaves those that come at a fair pace, or have arrived, and refuses the next one', () => {
  const budget = new BodyBudget(LIMIT);
  const fair = new Body(budget);
  const arrived = new Body(budget);
  arrived.take(60_000);
  arrived.share.hasArrived();
  for (let n = 0; n < 4; n += 1) {
    vi.advanceTimersByTime(400);
    expect(fair.take(10_000)).toBe(true);
  }
  const next = new Body(budget);
  expect(next.take(1)).toBe(false);
  expect([fair.gaveWay, arrived.gaveWay]).toEqual([false, false]);
});

it('does not look again for each piece that finds no room', () => {
  const budget = new BodyBudget(LIMIT);
  const slow = new Body(budget);
  slow.take(LIMIT);
  vi.advanceTimersByTime(950);
  const fair = new Body(budget);
  expect(fair.take(1)).toBe(false);
  vi.advanceTimersByTime(90);
  expect(budget.hasRoomFor(1)).toBe(false);
  vi.advanceTimersByTime(10);
  expect(budget.hasRoomFor(1)).toBe(true);
});
