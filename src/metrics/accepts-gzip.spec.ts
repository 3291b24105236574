import { describe, expect, it } from 'vitest';
import { acceptsGzip } from './accepts-gzip.js';

describe('acceptsGzip', () => {
  it.each(['gzip', 'deflate, gzip', 'GZIP;q=0.5', 'br;q=0, gzip ; q=1'])(
    'is asked by %s',
    (header) => {
      expect(acceptsGzip(header)).toBe(true);
    },
  );

  it.each([undefined, '', 'identity', 'br', 'gzip;q=0', 'gzip; q=0.000', '*', 'x-gzippy'])(
    'is not asked by %s',
    (header) => {
      expect(acceptsGzip(header)).toBe(false);
    },
  );
});
