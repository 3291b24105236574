import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { boolean, list } from '../config/parsers.js';
import { type Parser, InvalidValueError } from '../config/setting.js';

/** `false`: nobody's X-Forwarded-For is believed, `true`: everybody's, a list: that of proxies in these CIDRs. */
export type TrustProxy = boolean | readonly string[];

export type AddressRange = [address: ipaddr.IPv4 | ipaddr.IPv6, prefixBits: number];

/** A boolean word, or a comma list of CIDRs; an address alone is a range of one. */
export const trustProxy: Parser<TrustProxy> = (value) => {
  try {
    return boolean(value);
  } catch {
    const ranges = list(value);
    if (ranges.length === 0 || !ranges.every(isRange)) {
      throw new InvalidValueError(
        'must be true, false or a comma list of CIDRs such as 10.0.0.0/8',
      );
    }
    return ranges;
  }
};

/** @throws when it is no CIDR and no address. A range of IPv4-mapped IPv6 becomes its IPv4 range. */
export function parseRange(text: string): AddressRange {
  const [host = '', bitsText] = text.split('/', 2);
  const family = isIP(host);
  // ipaddr.js also reads short forms of IPv4, which stand for other addresses than one would think.
  if (family === 0) {
    throw new TypeError('not an IP address');
  }
  const [address, bits] = ipaddr.parseCIDR(`${host}/${bitsText ?? (family === 4 ? 32 : 128)}`);
  return address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() && bits >= 96
    ? [address.toIPv4Address(), bits - 96]
    : [address, bits];
}

function isRange(text: string): boolean {
  try {
    parseRange(text);
    return true;
  } catch {
    return false;
  }
}
