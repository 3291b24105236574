import { setImmediate as nextTurn } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import { LONG, type Work } from '../../event/work.js';
import { ParsingTurns } from './parsing-turns.js';

const LARGE = 64 * 1024 + 1;
const SMALL = 1000;
/** What one unit of work takes. The clock of these tests shows nothing else. */
const UNIT_MS = 0.5;
const MAX_UNITS = 3 / UNIT_MS;
const LEAST_UNITS = 1 / UNIT_MS;
/** A small work looks at the clock this often, in units. */
const STRIDE = 8;

class CountingTurns extends ParsingTurns {
  clock = 0;
  protected override now(): number {
    return this.clock;
  }
}

let turns: CountingTurns;
/** The units of each turn of the event loop. */
let done: string[][];

beforeEach(() => {
  turns = new CountingTurns();
  done = [[]];
});

function* units(name: string, count: number): Work<string> {
  for (let unit = 0; unit < count; unit += 1) {
    turns.clock += UNIT_MS;
    done.at(-1)?.push(name);
    yield;
  }
  return name;
}

async function untilDone(results: readonly (string | Promise<string>)[]): Promise<string[]> {
  const settled: string[] = [];
  const all = Promise.all(results.map(async (result) => settled.push(await result)));
  while (settled.length < results.length) {
    done.push([]);
    await nextTurn();
  }
  await all;
  return settled;
}

describe('ParsingTurns', () => {
  it('does a small work at once, without a turn of its own', () => {
    expect(turns.run(units('a', 3), SMALL)).toBe('a');
    expect(turns.run(units('b', 3), SMALL)).toBe('b');
  });

  it('splits a large work over turns', async () => {
    const work = turns.run(units('a', 100), LARGE);
    expect(await untilDone([work])).toEqual(['a']);
    expect(done.flat()).toHaveLength(100);
    expect(Math.max(...done.map(({ length }) => length))).toBe(MAX_UNITS);
  });

  it('shares one turn among all that end together, in order', async () => {
    const names = Array.from({ length: 200 }, (_, index) => `body ${index}`);
    const results = await untilDone(names.map((name) => turns.run(units(name, 3), SMALL)));
    expect(results).toEqual(names);
    expect(done.flat()).toEqual(names.flatMap((name) => [name, name, name]));
    // The last one to begin in a turn has units before it looks at the clock.
    const most = Math.max(...done.map(({ length }) => length));
    expect(most).toBeLessThan(MAX_UNITS + STRIDE);
  });

  it('counts what a turn does for others in between, and continues all the same', async () => {
    const READ_MS = 0.5;
    const results: (string | Promise<string>)[] = [];
    for (let turn = 0; turn < 10; turn += 1) {
      done.push([]);
      for (let body = 0; body < 20; body += 1) {
        turns.clock += READ_MS;
        results.push(turns.run(units('body', 3), SMALL));
      }
      await nextTurn();
    }
    // The reads of a turn take 10 ms: what they have brought is worked on for the least time.
    const lengths = done.slice(2).map(({ length }) => length);
    expect(Math.min(...lengths)).toBeGreaterThan(0);
    expect(Math.max(...lengths)).toBeLessThan(LEAST_UNITS + STRIDE);
    await untilDone(results);
    expect(done.flat()).toHaveLength(600);
  });

  it('looks at the clock after what may have taken long', async () => {
    function* longUnits(count: number): Work<string> {
      for (let unit = 0; unit < count; unit += 1) {
        turns.clock += 2;
        done.at(-1)?.push('long');
        yield LONG;
      }
      return 'long';
    }
    await untilDone([turns.run(longUnits(20), SMALL)]);
    expect(done.flat()).toHaveLength(20);
    expect(Math.max(...done.map(({ length }) => length))).toBe(2);
  });

  it('interrupts a small work, too, and begins no other before it is done', async () => {
    const works = ['a', 'b', 'c'].map((name) => turns.run(units(name, 40), SMALL));
    await untilDone(works);
    expect(done.flat().join('')).toBe('a'.repeat(40) + 'b'.repeat(40) + 'c'.repeat(40));
    const most = Math.max(...done.map(({ length }) => length));
    expect(most).toBeLessThan(MAX_UNITS + STRIDE);
  });

  it('gives small works their turns while a large one takes long', async () => {
    const large = turns.run(units('L', 1000), LARGE);
    const small = ['a', 'b', 'c', 'd'].map((name) => turns.run(units(name, 10), SMALL));
    await untilDone([large, ...small]);
    const turnOfLastSmall = done.findLastIndex((names) => names.includes('d'));
    expect(turnOfLastSmall).toBeLessThan(12);
    const most = Math.max(...done.map(({ length }) => length));
    expect(most).toBeLessThan(MAX_UNITS + STRIDE);
  });

  it('does large works one after the other: the memory of one is in use', async () => {
    const works = ['A', 'B'].map((name) => turns.run(units(name, 30), LARGE));
    await untilDone(works);
    expect(done.flat().join('')).toBe('A'.repeat(30) + 'B'.repeat(30));
  });

  it('passes on what a work throws, at once or later, and continues with the next', async () => {
    function* failing(name: string, after: number): Work<string> {
      yield* units(name, after);
      throw new Error(name);
    }
    expect(() => turns.run(failing('at once', 1), SMALL)).toThrow('at once');
    const later = turns.run(failing('later', 50), LARGE);
    const next = turns.run(units('next', 3), LARGE);
    await expect(later).rejects.toThrow('later');
    expect(await next).toBe('next');
  });
});
