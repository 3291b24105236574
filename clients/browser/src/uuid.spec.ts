import { describe, expect, it } from 'vitest';
import { uuid } from './uuid.js';

describe('uuid', () => {
  it('is a version 4 UUID, another one each time', () => {
    const made = Array.from({ length: 500 }, uuid);
    expect(new Set(made).size).toBe(500);
    for (const id of made) {
      expect(id).toMatch(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
    }
  });
});
