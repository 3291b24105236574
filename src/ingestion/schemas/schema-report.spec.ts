import { expect, it } from 'vitest';
import { SchemaReport } from './schema-report.js';

it('tells of the first ten elements that are stored all the same, and counts all by schema', () => {
  const report = new SchemaReport();
  for (let index = 0; index < 30; index += 1) {
    const schema = index % 2 === 0 ? 'even' : '*';
    report.add(index, { schema, errors: ['a: b', 'c: d'], isRejected: index % 3 === 0 });
  }
  expect([...report.counts]).toEqual([
    ['even', 15],
    ['*', 15],
  ]);
  expect(report.warnings).toHaveLength(11);
  expect(report.warnings[0]).toBe(
    'the element at index 1 violates the schema of its type: a: b; c: d',
  );
  expect(report.warnings.at(-1)).toBe('10 more element(s) violate the schemas of their types');
});
