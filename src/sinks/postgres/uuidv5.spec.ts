import { describe, expect, it } from 'vitest';
import { uuidv5 } from './uuidv5.js';

describe('uuidv5', () => {
  // As Python's uuid.uuid5(uuid.NAMESPACE_URL, …) makes them.
  it.each([
    ['gotrack:order-17', '97e6ce0a-1daa-56f3-871e-e39eaefe983d'],
    ['gotrack:żółć 👩', 'c9ce0cee-4556-5bae-98a0-34be4a6ff4dd'],
    ['', '1b4db7eb-4057-5ddf-91e0-36dec72071f5'],
  ])('makes of %j the UUID that others make', (name, uuid) => {
    expect(uuidv5(name)).toBe(uuid);
  });
});
