import { describe, expect, it } from 'vitest';
import { type OptionsRead, readOptions } from '../config/read-options.js';
import { SINK_NAMES } from './sink.catalogue.js';
import { SinksOptions } from './sinks.options.js';

function read(outputs?: string): OptionsRead<SinksOptions> {
  const given = outputs === undefined ? [] : [['OUTPUTS', outputs] as const];
  return readOptions(
    SinksOptions,
    new Map(given.map(([name, text]) => [name, { text, source: 'environment' }])),
    '.',
  );
}

describe('OUTPUTS', () => {
  it('is the log when unset', () => {
    expect(read().options.outputs).toEqual(['log']);
  });

  it.each(['log', ' log ', 'LOG', 'log,'])('reads %j', (outputs) => {
    const { options, faults } = read(outputs);

    expect(faults).toEqual([]);
    expect(options.outputs).toEqual(['log']);
  });

  it.each([
    [',', 'must name at least one sink'],
    ['log,log', 'must not name a sink twice'],
    ['log,Log', 'must not name a sink twice'],
    ['log,s3cret', `must be a comma list of ${SINK_NAMES.join(', ')}`],
  ])('refuses %j', (outputs, reason) => {
    expect(read(outputs).faults).toEqual([{ name: 'OUTPUTS', reason }]);
  });
});
