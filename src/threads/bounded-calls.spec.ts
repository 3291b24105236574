import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BoundedCalls, HangingCallError } from './bounded-calls.js';

/** A call that returns when the test says so. */
class Disk {
  begun = 0;
  private readonly waiting: PromiseWithResolvers<string>[] = [];

  readonly call = (): Promise<string> => {
    this.begun += 1;
    const call = Promise.withResolvers<string>();
    this.waiting.push(call);
    return call.promise;
  };

  async answer(text: string): Promise<void> {
    this.waiting.shift()?.resolve(text);
    await vi.advanceTimersByTimeAsync(0);
  }

  async fail(message: string): Promise<void> {
    this.waiting.shift()?.reject(new Error(message));
    await vi.advanceTimersByTimeAsync(0);
  }
}

/** Also when nobody waits for it yet. */
function outcomeOf<T>(work: Promise<T>): Promise<T | string> {
  return work.catch((error: unknown) => String(error));
}

describe('BoundedCalls', () => {
  let disk: Disk;
  let calls: BoundedCalls;

  beforeEach(() => {
    vi.useFakeTimers();
    disk = new Disk();
    calls = new BoundedCalls('the disk', 1000);
  });

  afterEach(() => {
    vi.restoreAllMocks();
    vi.useRealTimers();
  });

  async function hang(key?: unknown): Promise<void> {
    const outcome = outcomeOf(calls.run(disk.call, key));
    await vi.advanceTimersByTimeAsync(1000);
    expect(await outcome).toBe('HangingCallError: the disk has not answered for 1 s');
  }

  it('gives what a call gives in time, and what it throws', async () => {
    // Files that share their modules may leave timers behind: these have a time that no other has.
    const limitMs = 54_321;
    const bounded = new BoundedCalls('the disk', limitMs);
    const set = vi.spyOn(globalThis, 'setTimeout');
    const cleared = vi.spyOn(globalThis, 'clearTimeout');
    const given = bounded.run(disk.call);
    await disk.answer('yes');
    expect(await given).toBe('yes');
    const thrown = outcomeOf(bounded.run(disk.call));
    await disk.fail('EIO');
    expect(await thrown).toBe('Error: EIO');
    expect(bounded.hangs).toBe(false);
    const timers = set.mock.calls.flatMap(([, ms], index) =>
      ms === limitMs ? [set.mock.results[index]?.value] : [],
    );
    expect(timers).toHaveLength(2);
    expect(cleared.mock.calls.flat()).toEqual(expect.arrayContaining(timers));
  });

  it('makes no call while one hangs, and says at once for how long', async () => {
    await hang();
    await vi.advanceTimersByTimeAsync(4000);
    for (let attempt = 0; attempt < 10; attempt += 1) {
      await expect(calls.run(disk.call)).rejects.toThrow(
        new HangingCallError('the disk has not answered for 5 s'),
      );
    }
    expect(disk.begun).toBe(1);
    expect(calls.hangs).toBe(true);
  });

  it.each([true, false])('makes the next one after a late failure (told: %s)', async (isTold) => {
    await hang('a batch');
    await disk.fail('EIO');
    expect(calls.hangs).toBe(false);
    if (isTold) {
      // The same call is told what became of it.
      expect(await outcomeOf(calls.run(disk.call, 'a batch'))).toBe('Error: EIO');
    }
    const next = calls.run(disk.call, 'another');
    await disk.answer('yes');
    expect(await next).toBe('yes');
    expect(disk.begun).toBe(2);
  });

  it('gives the outcome of a call that came back late, once, to the same call', async () => {
    await hang('a batch');
    await disk.answer('written');
    expect(await calls.run(disk.call, 'a batch')).toBe('written');
    expect(disk.begun).toBe(1);
    const again = calls.run(disk.call, 'a batch');
    await disk.answer('written again');
    expect(await again).toBe('written again');
  });

  it('does not give it after another call', async () => {
    await hang('a batch');
    await disk.answer('written');
    const other = calls.run(disk.call, 'another');
    await disk.answer('other');
    expect(await other).toBe('other');
    const again = calls.run(disk.call, 'a batch');
    await disk.answer('written again');
    expect(await again).toBe('written again');
  });

  it('shares a call that is under way with the same one', async () => {
    const both = [calls.run(disk.call, 'file'), calls.run(disk.call, 'file')];
    await disk.answer('content');
    expect(await Promise.all(both)).toEqual(['content', 'content']);
    expect(disk.begun).toBe(1);
  });

  it('knows how many have not returned in the whole process', async () => {
    // A module of its own: files that share their modules may leave calls behind.
    vi.resetModules();
    const { BoundedCalls: Calls, boundedCallsUnderWay } = await import('./bounded-calls.js');
    const overdue = outcomeOf(new Calls('the disk', 1000).run(disk.call));
    await vi.advanceTimersByTimeAsync(1000);
    expect(await overdue).toContain('HangingCallError');
    const other = new Calls('another disk', 1000).run(disk.call);
    expect(boundedCallsUnderWay()).toBe(2);
    await disk.answer('late');
    expect(boundedCallsUnderWay()).toBe(1);
    await disk.answer('in time');
    await other;
    expect(boundedCallsUnderWay()).toBe(0);
  });
});
