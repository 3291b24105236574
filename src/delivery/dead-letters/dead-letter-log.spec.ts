import { beforeEach, describe, expect, it } from 'vitest';
import { DeadLetterLog } from './dead-letter-log.js';

let lines: string[];
let log: DeadLetterLog;

beforeEach(() => {
  lines = [];
  log = new DeadLetterLog({ warn: (line: string) => lines.push(line) });
});

describe('DeadLetterLog', () => {
  it('writes a line for the first of a cause and for every thousandth', () => {
    for (let count = 0; count < 2500; count += 1) {
      log.written('violates "only_good"');
    }
    log.written('violates "other"');
    expect(lines).toHaveLength(4);
    expect(lines[0]).toContain('the first for this cause: violates "only_good"');
    expect(lines[1]).toContain('1000 events');
    expect(lines[2]).toContain('2000 events');
    expect(lines[3]).toContain('violates "other"');
  });

  it('takes causes that differ in a number for one', () => {
    for (let size = 1; size < 500; size += 1) {
      log.written(`a record of ${size} bytes is too large`);
    }
    expect(lines).toHaveLength(1);
  });

  it('writes few lines although each cause is another', () => {
    for (let index = 0; index < 5000; index += 1) {
      log.written('x'.repeat(index));
    }
    expect(lines.length).toBeLessThan(110);
  });
});
