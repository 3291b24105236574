import { describe, expect, it } from 'vitest';
import { prettyLine } from './pretty-log.js';

const RECORD = {
  level: 'warn',
  time: '2026-11-26T10:00:00.000Z',
  pid: 7,
  hostname: 'h',
  context: 'Sink log',
  msg: 'is down',
};

function pretty(record: object, colors = false): string {
  return prettyLine(`${JSON.stringify(record)}\n`, { colors });
}

describe('prettyLine', () => {
  it('has the time, the level, who says it and what', () => {
    expect(pretty(RECORD)).toBe('2026-11-26T10:00:00.000Z WARN  [Sink log] is down\n');
  });

  it('colors the level for a terminal', () => {
    expect(pretty(RECORD, true)).toContain('\u001b[33mWARN \u001b[39m');
  });

  it('keeps further fields and the stack of an error', () => {
    const err = { message: 'boo', stack: 'Error: boo\n    at there' };
    expect(pretty({ ...RECORD, batches: 3, err })).toBe(
      '2026-11-26T10:00:00.000Z WARN  [Sink log] is down batches=3\n    Error: boo\n        at there\n',
    );
  });

  it('lets no part of a record look like another record, nor steer the terminal', () => {
    const msg = 'a\n2026-11-26T10:00:00.000Z FATAL b\r\u001b[2J\u009b2J';
    expect(pretty({ ...RECORD, msg })).toBe(
      '2026-11-26T10:00:00.000Z WARN  [Sink log] a\n' +
        '    2026-11-26T10:00:00.000Z FATAL b\\u000d\\u001b[2J\\u009b2J\n',
    );
  });

  it('passes on what is no JSON', () => {
    expect(prettyLine('oops\n', { colors: false })).toContain('oops');
  });
});
