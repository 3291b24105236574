import { describe, expect, it } from 'vitest';
import { boolean, integer, list, listenAddress, oneOf, text } from './parsers.js';
import { InvalidValueError } from './setting.js';

describe('text', () => {
  it('takes the value as it is', () => {
    expect(text(' a b ')).toBe(' a b ');
  });
});

describe('integer', () => {
  it.each([
    ['0', 0],
    ['+7', 7],
    ['-12', -12],
    ['007', 7],
  ])('reads %j', (value, number) => {
    expect(integer(value)).toBe(number);
  });

  it.each(['1.5', '1e3', '0x10', '1_000', ' 1', '10MB', '-', '9007199254740993'])(
    'refuses %j',
    (value) => {
      expect(() => integer(value)).toThrow(InvalidValueError);
    },
  );
});

describe('boolean', () => {
  it.each(['1', 't', 'true', 'y', 'yes', 'TRUE', 'Yes'])('reads %j as true', (value) => {
    expect(boolean(value)).toBe(true);
  });

  it.each(['0', 'f', 'false', 'n', 'no', 'FALSE', 'No'])('reads %j as false', (value) => {
    expect(boolean(value)).toBe(false);
  });

  it.each(['on', 'off', '2', 'truth', ' true'])('refuses %j', (value) => {
    expect(() => boolean(value)).toThrow(InvalidValueError);
  });
});

describe('list', () => {
  it('leaves out blanks around items, and empty items', () => {
    expect(list(' log , ,kafka,')).toEqual(['log', 'kafka']);
  });

  it('is empty when there is nothing between the commas', () => {
    expect(list(',')).toEqual([]);
  });
});

describe('oneOf', () => {
  const parse = oneOf('gzip', 'zstd');

  it('reads a word in any case', () => {
    expect(parse('GZip')).toBe('gzip');
  });

  it('names the words when it refuses one', () => {
    expect(() => parse('brotli')).toThrow(new InvalidValueError('must be one of gzip, zstd'));
  });
});

describe('listenAddress', () => {
  it.each([
    [':19890', { host: '::', port: 19_890 }],
    ['127.0.0.1:9090', { host: '127.0.0.1', port: 9090 }],
    ['localhost:0', { host: 'localhost', port: 0 }],
    ['[::1]:9090', { host: '::1', port: 9090 }],
  ])('reads %j', (value, address) => {
    expect(listenAddress(value)).toEqual(address);
  });

  it.each(['9090', 'localhost', 'localhost:', ':65536', '::1:9090', '[]:80', 'a:b', ':-1'])(
    'refuses %j',
    (value) => {
      expect(() => listenAddress(value)).toThrow(InvalidValueError);
    },
  );
});
