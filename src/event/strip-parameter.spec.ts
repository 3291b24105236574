import { describe, expect, it } from 'vitest';
import { createSanitizer } from './sanitize.js';
import { stripParameter } from './strip-parameter.js';

const rare = stripParameter('gt_key');
const thorough = createSanitizer(['gt_key']);

describe('stripParameter', () => {
  it.each([
    [{ props: { page: 'https://a.example/?x=1&gt_key=K' } }],
    [{ props: { page: 'https%3A%2F%2Fa.example%2F%3Fgt_key%3DK' } }],
    [{ props: { 'https://a.example/?gt_key=K': 1 } }],
    [{ props: { list: ['a', { deep: '?%67t_key=K' }] } }],
    [{ url: { raw_query: 'gt_key=K', query_size: 8 } }],
    [{ url: { raw_query: 'x=1&GT_KEY=K' } }],
    [{ route: { query: { gt_key: 'K', x: '1' } } }],
    [{ route: { query: { 'gt_key[]': 'K' } } }],
    [{ props: { a: 'x', b: 'https://a.example/?gt_key=K' }, type: 't' }],
  ])('strips what the other sanitizer strips: %j', (event) => {
    const stripped = rare.event(event);
    expect(stripped).toEqual(thorough?.event(event));
    expect(stripped).not.toEqual(event);
  });

  it.each([
    [{ type: 'pageview', props: { n: 1, none: null, page: 'https://a.example/?x=%20' } }],
    [{ url: { raw_query: 'x=1' }, route: { query: { x: '1' } } }],
    [{ url: 'text', route: [1] }],
  ])('gives the event itself when there is nothing to strip: %j', (event) => {
    expect(rare.event(event)).toBe(event);
  });

  it('knows the name', () => {
    expect(['gt_key', 'GT_KEY', 'gt'].map((name) => rare.strips(name))).toEqual([
      true,
      true,
      false,
    ]);
  });
});
