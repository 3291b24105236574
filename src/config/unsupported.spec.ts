import { describe, expect, it } from 'vitest';
import { CONTRACT_NAMES, unsupportedFaults } from './unsupported.js';
import { addSource, ENVIRONMENT, type GivenText } from './variables.js';

function faultyNames(
  values: Record<string, string>,
  { declared = new Set<string>() } = {},
): string[] {
  const variables = new Map<string, GivenText>();
  addSource(variables, ENVIRONMENT, values);
  return unsupportedFaults(variables, declared).map(({ name }) => name);
}

describe('unsupportedFaults', () => {
  const known = CONTRACT_NAMES.filter((name) => name !== 'NODE_ENV');

  it.each(known)('refuses %s when nothing reads it', (name) => {
    expect(faultyNames({ [name]: '1' })).toEqual([name]);
  });

  it.each(known)('lets %s be once an options class declares it', (name) => {
    expect(faultyNames({ [name]: '1' }, { declared: new Set([name]) })).toEqual([]);
  });

  it('refuses the file of a secret that nothing reads', () => {
    expect(faultyNames({ PG_DSN_FILE: '/run/secrets/dsn' })).toEqual(['PG_DSN_FILE']);
  });

  it('lets the variable be that chooses the env file', () => {
    expect(faultyNames({ NODE_ENV: 'production' })).toEqual([]);
  });

  it('says of the proxy of the Go service that it is not coming', () => {
    const variables = new Map([['FORWARD_DESTINATION', { text: 'x', source: ENVIRONMENT }]]);
    expect(unsupportedFaults(variables, new Set())).toEqual([
      { name: 'FORWARD_DESTINATION', reason: expect.stringContaining('does not forward') },
    ]);
  });
});
