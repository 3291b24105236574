import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import {
  canonicalAddress,
  ClientAddress,
  lastUntrustedHop,
  leftmostHop,
} from './client-address.js';
import { HttpOptions } from './http.options.js';
import { parseRange, type TrustProxy } from './trusted-proxies.js';

describe('canonicalAddress', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['::FFFF:c000:0207', '192.0.2.7'],
    ['2001:DB8:0:0:1::5', '2001:db8::1:0:0:5'],
    ['fe80::1%eth0', 'fe80::1'],
    ['::1', '::1'],
  ])('writes %s as %s', (text, canonical) => {
    expect(canonicalAddress(text)).toBe(canonical);
  });

  it.each(['', 'unknown', '1', '192.0.2', '192.0.2.256', '01.2.3.4', '2001:db8::1::2', '_hidden'])(
    'takes %o for no address',
    (text) => {
      expect(canonicalAddress(text)).toBeUndefined();
    },
  );
});

describe('lastUntrustedHop', () => {
  const trusted = ['10.0.0.0/8', '::1', '2001:db8::/32'].map(parseRange);

  it.each([
    ['a peer that is no proxy', '192.0.2.1', '198.51.100.9', '192.0.2.1'],
    ['one proxy', '10.0.0.1', '198.51.100.9', '198.51.100.9'],
    ['two proxies', '10.0.0.1', '198.51.100.9, 10.0.0.2', '198.51.100.9'],
    [
      'a forged entry on the left',
      '10.0.0.1',
      '203.0.113.66, 198.51.100.9,10.0.0.2',
      '198.51.100.9',
    ],
    ['proxies only', '10.0.0.1', '10.0.0.3, 10.0.0.2', '10.0.0.3'],
    ['garbage before a proxy', '10.0.0.1', 'unknown, 10.0.0.2', '10.0.0.2'],
    ['garbage at once', '10.0.0.1', 'evil', '10.0.0.1'],
    ['an empty header', '10.0.0.1', '', '10.0.0.1'],
    ['a leading comma', '10.0.0.1', ',10.0.0.2', '10.0.0.2'],
    ['empty elements', '10.0.0.1', '203.0.113.66,, 198.51.100.9, ,10.0.0.2, ,', '198.51.100.9'],
    ['nothing but empty elements', '10.0.0.1', ' , ,', '10.0.0.1'],
    ['a port', '10.0.0.1', '198.51.100.9:4711', '198.51.100.9'],
    ['IPv6', '::1', '2001:db8::2, 2001:DB8:0::3', '2001:db8::2'],
    ['IPv6 with brackets', '10.0.0.1', '[2a00::9]', '2a00::9'],
    ['IPv6 with brackets and port', '10.0.0.1', '[2a00::9]:443', '2a00::9'],
    ['IPv4 mapped to IPv6', '10.0.0.1', '198.51.100.9, ::ffff:10.0.0.2', '198.51.100.9'],
  ])('sees through %s', (_, peer, forwardedFor, client) => {
    expect(lastUntrustedHop(peer, forwardedFor, trusted)).toBe(client);
  });
});

describe('leftmostHop', () => {
  it.each([
    ['203.0.113.66, 10.0.0.2', '203.0.113.66'],
    ['unknown, [2a00::9]:1, 10.0.0.2', '2a00::9'],
    ['unknown', undefined],
  ])('of %o is %s', (forwardedFor, client) => {
    expect(leftmostHop(forwardedFor)).toBe(client);
  });
});

function resolve(trustProxy: TrustProxy, remoteAddress: string | undefined, forwardedFor?: string) {
  return resolveHeaders(trustProxy, remoteAddress, {
    ...(forwardedFor !== undefined && { 'x-forwarded-for': forwardedFor }),
  });
}

function resolveHeaders(
  trustProxy: TrustProxy,
  remoteAddress: string | undefined,
  headers: Record<string, string>,
  clientIpHeader?: string,
) {
  const options = Object.assign(new HttpOptions(), { trustProxy, clientIpHeader });
  return new ClientAddress(options).of({ socket: { remoteAddress }, headers } as IncomingMessage);
}

describe('ClientAddress', () => {
  it('believes nobody by default', () => {
    expect(resolve(false, '::ffff:10.0.0.1', '203.0.113.66')).toBe('10.0.0.1');
  });

  it('believes the listed proxies, on a listener for both families too', () => {
    expect(resolve(['10.0.0.0/8'], '::ffff:10.0.0.1', '203.0.113.66')).toBe('203.0.113.66');
    expect(resolve(['::ffff:10.0.0.0/104'], '10.0.0.1', '203.0.113.66')).toBe('203.0.113.66');
    expect(resolve(['10.0.0.0/8'], '192.0.2.1', '203.0.113.66')).toBe('192.0.2.1');
  });

  it('believes anyone when configured to', () => {
    expect(resolve(true, '192.0.2.1', '203.0.113.66, 10.0.0.1')).toBe('203.0.113.66');
    expect(resolve(true, '192.0.2.1', 'unknown')).toBe('192.0.2.1');
    expect(resolve(true, '192.0.2.1')).toBe('192.0.2.1');
  });

  it('knows no address once the connection is gone', () => {
    expect(resolve(false, undefined)).toBeUndefined();
  });

  const proxies = ['10.0.0.0/8'];
  const realIp = { 'x-real-ip': '198.51.100.9' };

  it('reads X-Real-IP of a trusted proxy that sends no X-Forwarded-For', () => {
    expect(resolveHeaders(proxies, '10.0.0.1', realIp)).toBe('198.51.100.9');
    expect(resolveHeaders(true, '10.0.0.1', realIp)).toBe('198.51.100.9');
    expect(resolveHeaders(proxies, '10.0.0.1', { ...realIp, 'x-forwarded-for': ' ,' })).toBe(
      '198.51.100.9',
    );
    const both = { ...realIp, 'x-forwarded-for': '203.0.113.66' };
    expect(resolveHeaders(proxies, '10.0.0.1', both)).toBe('203.0.113.66');
    expect(resolveHeaders(proxies, '192.0.2.1', realIp)).toBe('192.0.2.1');
    expect(resolveHeaders(false, '10.0.0.1', realIp)).toBe('10.0.0.1');
    expect(resolveHeaders(proxies, '10.0.0.1', { 'x-real-ip': 'a, b' })).toBe('10.0.0.1');
  });

  it('reads CLIENT_IP_HEADER of trusted proxies before anything else', () => {
    const headers = {
      'cf-connecting-ip': '2001:DB8:0::9',
      'x-forwarded-for': '203.0.113.66',
      ...realIp,
    };
    const of = (trust: TrustProxy, peer: string, given: Record<string, string> = headers) =>
      resolveHeaders(trust, peer, given, 'CF-Connecting-IP');
    expect(of(proxies, '10.0.0.1')).toBe('2001:db8::9');
    expect(of(true, '192.0.2.1')).toBe('2001:db8::9');
    expect(of(proxies, '192.0.2.1')).toBe('192.0.2.1');
    expect(of(false, '10.0.0.1')).toBe('10.0.0.1');
    expect(of(proxies, '10.0.0.1', { ...headers, 'cf-connecting-ip': 'unknown' })).toBe(
      '203.0.113.66',
    );
    expect(of(proxies, '10.0.0.1', realIp)).toBe('10.0.0.1');
  });
});
