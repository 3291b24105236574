import { describe, expect, it } from 'vitest';
import { settingsOf, InvalidValueError } from '../config/setting.js';
import { HttpOptions } from './http.options.js';

function read(variable: string, text: string): unknown {
  return settingsOf(HttpOptions)
    .find(({ name }) => name === variable)
    ?.parse(text);
}

describe('TRUST_PROXY', () => {
  it.each([
    ['false', false],
    ['Yes', true],
    ['10.0.0.0/8', ['10.0.0.0/8']],
    ['10.0.0.1, ::1,2001:db8::/32', ['10.0.0.1', '::1', '2001:db8::/32']],
  ])('reads %s', (text, value) => {
    expect(read('TRUST_PROXY', text)).toEqual(value);
  });

  it.each(['maybe', ',', '10.0.0.0/33', '10.0.0/8', 'loopback', '10.0.0.0/8,nonsense'])(
    'cannot read %s',
    (text) => {
      expect(() => read('TRUST_PROXY', text)).toThrow(InvalidValueError);
    },
  );

  it('warns of believing anyone, and of nothing else', () => {
    expect(Object.assign(new HttpOptions(), { trustProxy: true }).warnings()).toEqual([
      expect.stringContaining('TRUST_PROXY'),
    ]);
    expect(new HttpOptions().warnings()).toEqual([]);
  });
});

describe('CLIENT_IP_HEADER', () => {
  it.each(['CF-Connecting-IP', 'x_real_ip'])('reads %s', (text) => {
    expect(read('CLIENT_IP_HEADER', text)).toBe(text);
  });

  it.each(['CF-Connecting-IP, X-Real-IP', 'X Real IP', 'X-Real-IP:'])('cannot read %s', (text) => {
    expect(() => read('CLIENT_IP_HEADER', text)).toThrow(InvalidValueError);
  });

  it('warns where nobody is trusted to send it', () => {
    const options = { clientIpHeader: 'X-Real-IP' };
    expect(Object.assign(new HttpOptions(), options).warnings()).toEqual([
      expect.stringContaining('CLIENT_IP_HEADER'),
    ]);
    const trusting = { ...options, trustProxy: ['10.0.0.0/8'] };
    expect(Object.assign(new HttpOptions(), trusting).warnings()).toEqual([]);
  });
});

describe('KEEP_ALIVE_TIMEOUT_MS', () => {
  it.each(['1', '600000', '3600000'])('reads %s', (text) => {
    expect(read('KEEP_ALIVE_TIMEOUT_MS', text)).toBe(Number(text));
  });

  it.each(['0', '-1', '3600001', '75s'])('cannot read %s', (text) => {
    expect(() => read('KEEP_ALIVE_TIMEOUT_MS', text)).toThrow(InvalidValueError);
  });
});

describe('CORS_ORIGINS', () => {
  it.each([
    ['*', ['*']],
    ['https://a.example, http://localhost:8080', ['https://a.example', 'http://localhost:8080']],
    ['https://a.example,null', ['https://a.example', 'null']],
  ])('reads %s', (text, value) => {
    expect(read('CORS_ORIGINS', text)).toEqual(value);
  });

  it.each(['example.com', 'https://a.example/', 'https://a.example/path', 'NULL', ','])(
    'cannot read %s',
    (text) => {
      expect(() => read('CORS_ORIGINS', text)).toThrow(InvalidValueError);
    },
  );
});
