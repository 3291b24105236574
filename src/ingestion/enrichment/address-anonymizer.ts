import { createHmac } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import ipaddr from 'ipaddr.js';
import { InjectOptions } from '../../config/inject-options.js';
import type { ServerFields } from '../../event/prepare-event.js';
import { IngestionOptions } from '../ingestion.options.js';
import type { RequestFacts } from '../request-facts.js';
import { type Enriched, EnrichmentStep } from './enrichment-step.js';

const DAY_MS = 86_400_000;
const MAX_CACHED = 10_000;

/** Makes of a client's address what may be stored; the full address goes no further than here. */
@Injectable()
export class AddressAnonymizer extends EnrichmentStep {
  override readonly name = 'address';
  private readonly secret: string | undefined;
  private readonly cache = new Map<string, Enriched>();
  private day = -1;
  private dayKey: Buffer = Buffer.alloc(0);

  constructor(@InjectOptions(IngestionOptions) { ipHashSecret }: IngestionOptions) {
    super();
    this.secret = ipHashSecret;
  }

  override ofRequest(
    { receivedAtMs, address }: RequestFacts,
    before: Enriched,
  ): Enriched | undefined {
    return address === undefined || before.anonymous
      ? undefined
      : this.onDay(Math.floor(receivedAtMs / DAY_MS), address);
  }

  private onDay(day: number, address: string): Enriched {
    if (day !== this.day) {
      this.begin(day);
    }
    let found = this.cache.get(address);
    if (found === undefined) {
      found = { server: this.fieldsOf(address) };
      if (this.cache.size >= MAX_CACHED) {
        this.cache.clear();
      }
      this.cache.set(address, found);
    }
    return found;
  }

  private begin(day: number): void {
    this.day = day;
    this.cache.clear();
    if (this.secret !== undefined) {
      this.dayKey = dayKey(this.secret, new Date(day * DAY_MS));
    }
  }

  private fieldsOf(address: string): ServerFields {
    return this.secret === undefined
      ? { ip: truncatedAddress(address) }
      : { ip_hash: hashedAddress(this.dayKey, address) };
  }
}

/** The key of one UTC day: hashes of different days can't be joined. */
function dayKey(secret: string, day: Date): Buffer {
  return createHmac('sha256', secret)
    .update(`ip-hash:${day.toISOString().slice(0, 10)}`)
    .digest();
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
