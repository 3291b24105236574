import { describe, expect, it } from 'vitest';
import { MetricsOptions } from './metrics.options.js';

function warningsFor(enabled: boolean, host: string): readonly string[] {
  const options = Object.assign(new MetricsOptions(), { enabled, address: { host, port: 9090 } });
  return options.warnings();
}

describe('MetricsOptions', () => {
  it('is off, and on loopback, unless configured otherwise', () => {
    const options = new MetricsOptions();
    expect(options.enabled).toBe(false);
    expect(options.address).toEqual({ host: '127.0.0.1', port: 9090 });
    expect(options.warnings()).toEqual([]);
  });

  it.each(['127.0.0.1', '127.8.9.10', '::1', '::ffff:127.0.0.1', 'localhost', 'LocalHost'])(
    'does not warn of %s',
    (host) => {
      expect(warningsFor(true, host)).toEqual([]);
    },
  );

  it.each(['0.0.0.0', '::', '10.0.0.1', 'fe80::1', 'metrics.internal', '127.0.0.1.example'])(
    'warns of %s, which others may reach, and says what to do',
    (host) => {
      expect(warningsFor(true, host)).toEqual([expect.stringContaining('use 127.0.0.1:9090')]);
    },
  );

  it('does not warn of an address that is not served', () => {
    expect(warningsFor(false, '0.0.0.0')).toEqual([]);
  });
});
