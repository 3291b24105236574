import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { describe, expect, it } from 'vitest';
import { IngestionOptions } from '../ingestion.options.js';
import { AddressAnonymizer, clientOfAddress, truncatedAddress } from './address-anonymizer.js';

const noon = Date.UTC(2026, 10, 23, 12);
const DAY_MS = 86_400_000;

/** What an anonymizer with this secret gives for `server`. */
function serverFields(ipHashSecret?: string) {
  const step = new AddressAnonymizer(Object.assign(new IngestionOptions(), { ipHashSecret }));
  return {
    at: (receivedAtMs: number, address: string) =>
      step.ofRequest({ receivedAtMs, address, headers: {}, query: '' }, {})?.server,
  };
}

describe('truncatedAddress', () => {
  it.each([
    ['192.0.2.77', '192.0.2.0'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1::'],
    ['::1', '::'],
  ])('makes %s %s', (address, truncated) => {
    expect(truncatedAddress(address)).toBe(truncated);
  });
});

describe('clientOfAddress', () => {
  it.each([
    ['192.0.2.77', '192.0.2.77'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ])('counts %s as %s', (address, client) => {
    expect(clientOfAddress(address)).toBe(client);
  });

  it('writes the network of every IPv6 address in canonical text', () => {
    const groups = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff })), {
      minLength: 8,
      maxLength: 8,
    });
    fc.assert(
      fc.property(groups, (parts) => {
        const address = new ipaddr.IPv6(parts).toString();
        const network = new ipaddr.IPv6(parts.map((part, index) => (index < 4 ? part : 0)));
        expect(clientOfAddress(address)).toBe(`${network.toString()}/64`);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('server fields of an address', () => {
  it('hold a truncated address without a secret', () => {
    expect(serverFields().at(noon, '192.0.2.77')).toEqual({ ip: '192.0.2.0' });
  });

  it('hold the HMAC of the address under the key of its day with a secret', () => {
    const key = createHmac('sha256', 'pepper').update('ip-hash:2026-11-23').digest();
    expect(serverFields('pepper').at(noon, '192.0.2.77')).toEqual({
      ip_hash: createHmac('sha256', key).update('192.0.2.77').digest('hex'),
    });
  });

  it('stay the same for a UTC day, and change with the day and the secret', () => {
    const fields = serverFields('pepper');
    const first = fields.at(noon, '192.0.2.77');
    expect(fields.at(noon + DAY_MS / 2 - 1, '192.0.2.77')).toEqual(first);
    expect(fields.at(noon + DAY_MS / 2, '192.0.2.77')).not.toEqual(first);
    expect(fields.at(noon, '192.0.2.77')).toEqual(first);
    expect(serverFields('salt').at(noon, '192.0.2.77')).not.toEqual(first);
  });

  it('take the hosts of an IPv6 /64 for one client', () => {
    const fields = serverFields('pepper');
    const first = fields.at(noon, '2001:db8:1:2::3');
    expect(fields.at(noon, '2001:db8:1:2:ffff::4')).toEqual(first);
    expect(fields.at(noon, '2001:db8:1:3::3')).not.toEqual(first);
  });

  it('are none for an anonymous visitor, or without an address', () => {
    const step = new AddressAnonymizer(new IngestionOptions());
    const facts = { receivedAtMs: noon, address: '192.0.2.77', headers: {}, query: '' };
    expect(step.ofRequest(facts, { anonymous: true })).toBeUndefined();
    expect(step.ofRequest({ ...facts, address: undefined }, {})).toBeUndefined();
  });

  it('stay right for more addresses than are remembered', () => {
    const fields = serverFields();
    for (let index = 0; index < 25_000; index += 1) {
      const network = `10.${index % 256}.${index >> 8}`;
      expect(fields.at(noon, `${network}.9`)).toEqual({ ip: `${network}.0` });
    }
  });
});
