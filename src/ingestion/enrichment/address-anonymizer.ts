import { createHmac } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import ipaddr from 'ipaddr.js';
import { InjectOptions } from '../../config/inject-options.js';
import type { ServerFields } from '../../event/prepare-event.js';
import { BoundedTable } from '../bounded-table.js';
import { IngestionOptions } from '../ingestion.options.js';
import type { RequestFacts } from '../request-facts.js';
import { type Enriched, EnrichmentStep } from './enrichment-step.js';
import { dayKeys } from './utc-day.js';

const MAX_CACHED = 10_000;

/** Makes of a client's address what may be stored; the full address goes no further than here. */
@Injectable()
export class AddressAnonymizer extends EnrichmentStep {
  override readonly name = 'address';
  private readonly keyOfDay: ((receivedAtMs: number) => Buffer) | undefined;
  private readonly cache = new BoundedTable<Enriched>(MAX_CACHED);
  private key: Buffer | undefined;

  constructor(@InjectOptions(IngestionOptions) { ipHashSecret }: IngestionOptions) {
    super();
    this.keyOfDay = ipHashSecret === undefined ? undefined : dayKeys(ipHashSecret, 'ip-hash');
  }

  override ofRequest(
    { receivedAtMs, address }: RequestFacts,
    before: Enriched,
  ): Enriched | undefined {
    return address === undefined || before.anonymous
      ? undefined
      : this.of(address, this.keyOfDay?.(receivedAtMs));
  }

  private of(address: string, key: Buffer | undefined): Enriched {
    if (key !== this.key) {
      this.key = key;
      this.cache.clear();
    }
    let found = this.cache.get(address);
    if (found === undefined) {
      found = { server: fieldsOf(address, key) };
      this.cache.set(address, found);
    }
    return found;
  }
}

function fieldsOf(address: string, key: Buffer | undefined): ServerFields {
  return key === undefined
    ? { ip: truncatedAddress(address) }
    : { ip_hash: hashedAddress(key, address) };
}

function hashedAddress(key: Buffer, address: string): string {
  return createHmac('sha256', key).update(clientOfAddress(address)).digest('hex');
}

/** /24 of IPv4, /48 of IPv6. */
export function truncatedAddress(address: string): string {
  return address.includes(':')
    ? ipv6Prefix(address, 3)
    : `${address.slice(0, address.lastIndexOf('.'))}.0`;
}

/** The client that an address stands for: an IPv6 host changes its address at will within its `prefix::/64`. */
export function clientOfAddress(address: string): string {
  return address.includes(':') ? `${ipv6Network(address)}/64` : address;
}

/** The first four groups, from canonical text alone: limits ask for them with every request. */
function ipv6Network(address: string): string {
  const [left = [], right = []] = address
    .split('::', 2)
    .map((part) => (part === '' ? [] : part.split(':')));
  const groups = [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right];
  const used = groups.slice(0, 4).findLastIndex((group) => group !== '0') + 1;
  return `${groups.slice(0, used).join(':')}::`;
}

function ipv6Prefix(address: string, groups: number): string {
  const { parts } = ipaddr.IPv6.parse(address);
  return new ipaddr.IPv6(parts.map((part, index) => (index < groups ? part : 0))).toString();
}
