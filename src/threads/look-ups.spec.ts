import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LookUps } from './look-ups.js';

describe('LookUps', () => {
  const asked: string[] = [];
  const answering = new Set<string>();
  let lookUps: LookUps;

  beforeEach(() => {
    vi.useFakeTimers();
    asked.length = 0;
    answering.clear();
    lookUps = new LookUps((host) => {
      asked.push(host);
      return answering.has(host)
        ? Promise.reject(new Error('ENOTFOUND'))
        : new Promise(() => undefined);
    });
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  async function outcomeOf(host: string): Promise<string> {
    const outcome = lookUps.assertAnswered(host).then(
      () => 'answered',
      (error: Error) => error.message,
    );
    await vi.advanceTimersByTimeAsync(2000);
    return outcome;
  }

  it('leaves it to the connection to say that a name is not found', async () => {
    answering.add('db');
    expect(await outcomeOf('db')).toBe('answered');
  });

  it('looks no address up', async () => {
    expect(await outcomeOf('10.0.0.1')).toBe('answered');
    expect(await outcomeOf('::1')).toBe('answered');
    expect(asked).toEqual([]);
  });

  it('asks for a name once while its look-up hangs', async () => {
    for (let attempt = 0; attempt < 5; attempt += 1) {
      expect(await outcomeOf('db')).toMatch(/^the look-up of db has not answered for \d+ s$/);
    }
    expect(asked).toEqual(['db']);
  });

  it('asks for others beside one that hangs, and for no more beside two', async () => {
    answering.add('c');
    await outcomeOf('a');
    expect(await outcomeOf('c')).toBe('answered');
    await outcomeOf('b');
    expect(await outcomeOf('c')).toBe(
      'c is not looked up while the look-ups of a and b get no answer',
    );
    expect(asked).toEqual(['a', 'c', 'b']);
  });

  it('holds no more threads for many names that are asked for at once', async () => {
    const hosts = Array.from({ length: 20 }, (_, index) => `broker${index}`);
    const all = Promise.allSettled(hosts.map((host) => lookUps.assertAnswered(host)));
    await vi.advanceTimersByTimeAsync(60_000);
    expect((await all).map(({ status }) => status)).toEqual(hosts.map(() => 'rejected'));
    expect(asked).toEqual(['broker0', 'broker1']);
  });
});
