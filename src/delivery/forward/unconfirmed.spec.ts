import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Unconfirmed } from './unconfirmed.js';

const TIMEOUT_MS = 2000;
const OLD_MS = TIMEOUT_MS;

let told: string[];
let unconfirmed: Unconfirmed;

beforeEach(() => {
  vi.useFakeTimers();
  told = [];
  unconfirmed = new Unconfirmed(TIMEOUT_MS);
});

afterEach(() => {
  vi.useRealTimers();
});

function add(name: string, first: number, end: number): void {
  unconfirmed.add({
    first,
    end,
    confirmed: () => told.push(`${name} confirmed`),
    refused: (reason) => told.push(`${name} refused: ${reason}`),
    late: () => told.push(`${name} late`),
  });
}

describe('Unconfirmed', () => {
  it('confirms an append when all of its events are before the position', () => {
    add('a', 0, 2);
    add('b', 2, 5);
    unconfirmed.confirm(1, 0);
    expect(told).toEqual([]);
    unconfirmed.confirm(4, 0);
    expect(told).toEqual(['a confirmed']);
    expect(unconfirmed.size).toBe(1);
    unconfirmed.confirm(5, 0);
    expect(told).toEqual(['a confirmed', 'b confirmed']);
    expect(unconfirmed.size).toBe(0);
  });

  it('keeps the order over thousands', () => {
    for (let index = 0; index < 5000; index += 1) {
      add(String(index), index, index + 1);
    }
    unconfirmed.confirm(1500, 0);
    unconfirmed.confirm(5000, 0);
    expect(told).toEqual(Array.from({ length: 5000 }, (_, index) => `${index} confirmed`));
  });

  it('tells each append when its own time is over', () => {
    add('a', 0, 1);
    vi.advanceTimersByTime(TIMEOUT_MS / 2);
    add('b', 1, 2);
    expect(unconfirmed.isLate).toBe(false);
    vi.advanceTimersByTime(TIMEOUT_MS / 2);
    expect(told).toEqual(['a late']);
    expect(unconfirmed.isLate).toBe(true);
    vi.advanceTimersByTime(TIMEOUT_MS / 2);
    expect(told).toEqual(['a late', 'b late']);
    unconfirmed.confirm(2, 0);
    expect(told).toEqual(['a late', 'b late']);
  });

  it('is late until what is left is young', () => {
    add('a', 0, 1);
    vi.advanceTimersByTime(TIMEOUT_MS);
    unconfirmed.confirm(1, OLD_MS);
    expect(unconfirmed.isLate).toBe(true);
    unconfirmed.confirm(100, TIMEOUT_MS / 4);
    expect(unconfirmed.isLate).toBe(false);
  });

  it('watches the time again after nothing has waited', () => {
    add('a', 0, 1);
    unconfirmed.confirm(1, 0);
    vi.advanceTimersByTime(TIMEOUT_MS * 3);
    add('b', 1, 2);
    vi.advanceTimersByTime(TIMEOUT_MS);
    expect(told).toEqual(['a confirmed', 'b late']);
  });

  it('tells an append once that the topic refuses some of its events, and nothing else', () => {
    add('a', 0, 2);
    add('b', 2, 5);
    expect(unconfirmed.refuse(3, 'too large')).toBe(true);
    expect(unconfirmed.refuse(4, 'too large')).toBe(true);
    unconfirmed.confirm(5, 0);
    expect(told).toEqual(['b refused: too large', 'a confirmed']);
  });

  it('says that nobody waits for an event whose append was told already', () => {
    add('a', 0, 1);
    vi.advanceTimersByTime(TIMEOUT_MS);
    expect(unconfirmed.refuse(0, 'too large')).toBe(false);
    expect(unconfirmed.refuse(7, 'too large')).toBe(false);
    expect(told).toEqual(['a late']);
  });
});
