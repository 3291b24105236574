import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { INSTRUMENTS } from './instruments.js';

const all = Object.values(INSTRUMENTS);

describe('INSTRUMENTS', () => {
  it('gives no name twice', () => {
    expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
  });

  it('ends the names of counters, and only theirs, in _total', () => {
    const wrong = all.filter(({ type, name }) => (type === 'counter') !== name.endsWith('_total'));
    expect(wrong).toEqual([]);
  });

  it('has ascending buckets', () => {
    for (const instrument of all) {
      if (instrument.type === 'histogram') {
        const bounds = [...instrument.buckets];
        expect(bounds).toEqual(bounds.toSorted((a, b) => a - b));
      }
    }
  });

  it('is described in docs/metrics.md, each with its labels', () => {
    const page = readFileSync('docs/metrics.md', 'utf8');
    const missing = all.filter(({ name, labelNames }) => {
      const labels = labelNames.length > 0 ? `{${labelNames.join(',')}}` : '';
      return !page.includes(`\`${name}${labels}\``);
    });
    expect(missing.map(({ name }) => name)).toEqual([]);
  });
});
