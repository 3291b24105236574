import { expect, it } from 'vitest';
import { connectionLimit } from './max-connections.js';

it.each([
  [1_048_576, 16_384],
  [undefined, 16_384],
  [4096, 3840],
  [1024, 768],
  [256, 128],
])('leaves descriptors to the rest of the program: of %s, %s are for connections', (all, most) => {
  expect(connectionLimit(all)).toBe(most);
});
