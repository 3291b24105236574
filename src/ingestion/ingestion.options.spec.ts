import { expect, it } from 'vitest';
import { settingsOf } from '../config/setting.js';
import { IngestionOptions } from './ingestion.options.js';

it('keeps IP_HASH_SECRET a secret', () => {
  expect(settingsOf(IngestionOptions).filter(({ secret }) => secret)).toEqual([
    expect.objectContaining({ name: 'IP_HASH_SECRET' }),
  ]);
});
