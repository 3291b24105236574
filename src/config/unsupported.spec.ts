import { describe, expect, it } from 'vitest';
import { UNSUPPORTED, unsupportedFaults } from './unsupported.js';
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
  const names = UNSUPPORTED.map(({ name }) => name);
  const secrets = UNSUPPORTED.filter(({ secret }) => secret).map(({ name }) => name);
  const withDefault = UNSUPPORTED.flatMap(({ name, default: value }) =>
    value === undefined ? [] : [[name, String(value)] as const],
  );

  it.each(names)('refuses %s when nothing reads it', (name) => {
    expect(faultyNames({ [name]: 'another value' })).toEqual([name]);
  });

  it.each(names)('accepts %s once an options class declares it', (name) => {
    expect(faultyNames({ [name]: 'another value' }, { declared: new Set([name]) })).toEqual([]);
  });

  it.each(secrets)('refuses the file of the secret %s', (name) => {
    expect(faultyNames({ [`${name}_FILE`]: '/run/secrets/it' })).toEqual([`${name}_FILE`]);
  });

  it.each(withDefault)('accepts %s=%s, which is its default', (name, value) => {
    expect(faultyNames({ [name]: value })).toEqual([]);
  });

  it.each([
    ['FORWARD_INJECT', 'Yes'],
    ['FORWARD_INJECT', '1'],
  ])('accepts %s=%s, another form of its default', (name, value) => {
    expect(faultyNames({ [name]: value })).toEqual([]);
  });

  it.each([
    ['FORWARD_INJECT', 'no'],
    ['FORWARD_INJECT', 'f'],
    ['HTTP_SINK_FORMAT', 'ndjson'],
  ])('refuses %s=%s, which is not its default', (name, value) => {
    expect(faultyNames({ [name]: value })).toEqual([name]);
  });

  it('leaves the variable alone that chooses the env file', () => {
    expect(faultyNames({ NODE_ENV: 'production' })).toEqual([]);
  });

  it.each([
    ['FORWARD_DESTINATION', 'is not supported yet; unset it'],
    ['METRICS_REQUIRE_AUTH', expect.stringContaining('set METRICS_BEARER_TOKEN')],
  ])('says why it refuses %s', (name, reason) => {
    const variables = new Map([[name, { text: 'x', source: ENVIRONMENT }]]);
    expect(unsupportedFaults(variables, new Set())).toEqual([{ name, reason }]);
  });
});
