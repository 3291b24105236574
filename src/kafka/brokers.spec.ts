import { describe, expect, it } from 'vitest';
import { brokers, formatBroker, parseBroker } from './brokers.js';

describe('brokers', () => {
  it.each([
    ['kafka', ['kafka:9092']],
    ['kafka-1:9093, kafka-2', ['kafka-1:9093', 'kafka-2:9092']],
    ['10.0.0.1:1,', ['10.0.0.1:1']],
    ['[::1],[fe80::1]:65535', ['[::1]:9092', '[fe80::1]:65535']],
  ])('reads %s', (value, addresses) => {
    expect(brokers(value)).toEqual(addresses);
  });

  it.each([
    '',
    ',',
    'kafka:',
    'kafka:0',
    'kafka:65536',
    'kafka:port',
    ':9092',
    '::1',
    '[::1',
    '[]:9092',
    'kafka://kafka:9092',
    'kafka-1 kafka-2',
  ])('refuses "%s"', (value) => {
    expect(() => brokers(value)).toThrow('must be a comma list of host:port');
  });

  it('refuses the list when one of it cannot be read', () => {
    expect(() => brokers('kafka-1:9092,kafka-2:x')).toThrow('must be a comma list of host:port');
  });
});

describe('parseBroker', () => {
  it.each([
    ['kafka:9093', { host: 'kafka', port: 9093 }],
    ['[::1]:9093', { host: '::1', port: 9093 }],
  ])('takes apart what formatBroker makes: %s', (address, broker) => {
    expect(parseBroker(address)).toEqual(broker);
    expect(formatBroker(broker)).toBe(address);
  });
});
