import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { DeadLetter } from '../../event/dead-letter-line.js';
import { BoundedDeadLetters } from './bounded-dead-letters.js';
import { DeadLetterFiles } from './dead-letter-files.js';

const letter = (): DeadLetter => ({ event: Buffer.from('{}'), reason: 'rejected', error: 'bad' });

describe('BoundedDeadLetters', () => {
  const appended: string[] = [];
  let answer: () => void;
  let letters: BoundedDeadLetters;

  beforeEach(() => {
    vi.useFakeTimers();
    appended.length = 0;
    const store = new DeadLetterFiles('/nowhere', 1);
    vi.spyOn(store, 'append').mockImplementation((sink) => {
      appended.push(sink);
      return sink === 'kafka'
        ? Promise.resolve()
        : new Promise((resolve) => {
            answer = resolve;
          });
    });
    letters = new BoundedDeadLetters(store, '/nowhere');
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  it("fails one sink's while its calls hang, and no other's", async () => {
    const [refused] = await Promise.all([
      letters.append('postgres', [letter()]).catch((error: Error) => error.message),
      vi.advanceTimersByTimeAsync(10_000),
    ]);
    expect(refused).toBe('the disk of DEAD_LETTER_PATH=/nowhere has not answered for 10 s');
    await expect(letters.replayOf('postgres')).rejects.toThrow('has not answered');
    await expect(letters.removeReplay('postgres.1.replaying')).rejects.toThrow('has not answered');
    await letters.append('kafka', [letter()]);
    expect(appended).toEqual(['postgres', 'kafka']);
  });

  it('keeps a letter once whose disk answered late', async () => {
    const kept = letter();
    await Promise.all([
      letters.append('postgres', [kept]).catch(() => undefined),
      vi.advanceTimersByTimeAsync(10_000),
    ]);
    answer();
    await vi.advanceTimersByTimeAsync(0);
    await letters.append('postgres', [kept]);
    expect(appended).toEqual(['postgres']);
  });
});
