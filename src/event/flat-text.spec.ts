import { expect, it } from 'vitest';
import { flatText } from './flat-text.js';

it.each(['', 'a', 'twelve chars', 'thirteen char', '/products/shoes?size=42', 'é🎉'.repeat(20)])(
  'is the same text: %j',
  (text) => {
    expect(flatText(`x${text}y`.slice(1, -1))).toBe(text);
  },
);

it('keeps what stands alone of a pair of surrogates', () => {
  const text = `\u{d83c}${'x'.repeat(20)}\u{df89}`;
  expect(flatText(text)).toBe(text);
  expect(flatText(`🎉${'x'.repeat(20)}`)).toBe(`🎉${'x'.repeat(20)}`);
});
