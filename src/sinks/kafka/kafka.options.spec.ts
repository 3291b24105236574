import { describe, expect, it } from 'vitest';
import { type OptionsRead, readOptions } from '../../config/read-options.js';
import { ACKS, KafkaOptions } from './kafka.options.js';

type Variables = Readonly<Record<string, string>>;

function read(variables: Variables): OptionsRead<KafkaOptions> {
  const given = Object.entries(variables);
  return readOptions(
    KafkaOptions,
    new Map(given.map(([name, text]) => [name, { text, source: 'environment' }])),
    '.',
  );
}

const warningsFor = (variables: Variables): string[] => read(variables).options.warnings();

describe('KafkaOptions', () => {
  it('have the defaults of the contract', () => {
    const { options, faults } = read({});

    expect(faults).toEqual([]);
    expect(options).toEqual({
      topic: 'gotrack.events',
      acks: 'all',
      compression: 'none',
    });
    expect(options.warnings()).toEqual([]);
  });

  it('hold what the variables say', () => {
    const { options, faults } = read({
      KAFKA_TOPIC: 'web_events-v1.raw',
      KAFKA_ACKS: '1',
      KAFKA_COMPRESSION: 'ZSTD',
    });

    expect(faults).toEqual([]);
    expect(options).toEqual({
      topic: 'web_events-v1.raw',
      acks: '1',
      compression: 'zstd',
    });
  });

  it.each([
    ['KAFKA_TOPIC', 'web events'],
    ['KAFKA_TOPIC', 'web/events'],
    ['KAFKA_TOPIC', '.'],
    ['KAFKA_TOPIC', '..'],
    ['KAFKA_ACKS', '2'],
    ['KAFKA_COMPRESSION', 'brotli'],
  ])('refuse %s=%s', (name, value) => {
    expect(read({ [name]: value }).faults).toEqual([{ name, reason: expect.any(String) }]);
  });

  it('take a topic of 249 characters, and no longer one', () => {
    expect(read({ KAFKA_TOPIC: 'x'.repeat(249) }).faults).toEqual([]);
    expect(read({ KAFKA_TOPIC: 'x'.repeat(250) }).faults).toEqual([
      { name: 'KAFKA_TOPIC', reason: 'must not be longer than 249 characters' },
    ]);
  });

  it.each(['all', '-1'])('take KAFKA_ACKS=%s for all replicas', (acks) => {
    expect(ACKS[read({ KAFKA_ACKS: acks }).options.acks]).toBe(-1);
    expect(warningsFor({ KAFKA_ACKS: acks })).toEqual([]);
  });

  it.each(['1', '0'])('warn that KAFKA_ACKS=%s assures no delivery', (acks) => {
    expect(warningsFor({ KAFKA_ACKS: acks })).toEqual([
      expect.stringMatching(`^KAFKA_ACKS=${acks}: .*set it to all`),
    ]);
  });
});
