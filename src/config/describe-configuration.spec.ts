import { describe, expect, it } from 'vitest';
import { describeConfiguration } from './describe-configuration.js';

describe('describeConfiguration', () => {
  it('has an aligned line for each variable, by module', () => {
    const settings = [
      { module: 'sinks', name: 'OUTPUTS', shown: 'log', source: 'default' },
      { module: 'metrics', name: 'METRICS_ADDR', shown: '127.0.0.1:9090', source: '.env' },
      { module: 'sinks', name: 'EMPTY', shown: '', source: 'default' },
      { module: 'metrics', name: 'CA', shown: undefined, source: 'default' },
    ];
    expect(describeConfiguration({ settings })).toBe(
      [
        'metrics  METRICS_ADDR  127.0.0.1:9090  .env\n',
        'metrics  CA            (unset)         default\n',
        'sinks    OUTPUTS       log             default\n',
        'sinks    EMPTY         (unset)         default\n',
      ].join(''),
    );
  });
});
