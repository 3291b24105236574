import { describe, expect, it } from 'vitest';
import { quotedTable, tableName } from './table-name.js';

describe('tableName', () => {
  it.each(['events_json', '_e2', 'analytics.events', 'Order', 'x'.repeat(63)])(
    'takes %s',
    (name) => {
      expect(tableName(name)).toBe(name);
    },
  );

  it.each([
    '2events',
    'a b',
    'a"b',
    'a;drop table b',
    'żółć',
    '.events',
    'events.',
    'a.b.c',
    'x'.repeat(64),
  ])('refuses %j', (name) => {
    expect(() => tableName(name)).toThrow('must be table or schema.table');
  });
});

describe('quotedTable', () => {
  it('means what SQL means by the bare name', () => {
    expect(quotedTable('events_json')).toBe('"events_json"');
    expect(quotedTable('Analytics.Order')).toBe('"analytics"."order"');
  });
});
