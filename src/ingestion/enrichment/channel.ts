import { Injectable } from '@nestjs/common';
import { InjectOptions } from '../../config/inject-options.js';
import { type Fields, isFields } from '../../event/fields.js';
import type { ServerFields } from '../../event/prepare-event.js';
import { EnrichmentOptions } from './enrichment.options.js';
import { EnrichmentStep } from './enrichment-step.js';
import type { Referrer } from './referrer.js';
import { loadReferrers, type Referrers, withoutWww } from './referrers.js';

interface FoundChannel {
  readonly name: Referrer['name'] | 'campaign' | 'internal' | 'direct';
  readonly source?: string;
}

/** Characters: the source may be the client's text. */
const MAX_SOURCE_LENGTH = 100;

const DIRECT: FoundChannel = { name: 'direct' };
const INTERNAL: FoundChannel = { name: 'internal' };
const FACEBOOK: FoundChannel = { name: 'social', source: 'Facebook' };

/** What advertisers are charged for brings one of these; Meta's is on links that nobody paid for, too. */
const PAID_CLICK_IDS: readonly (readonly [group: string, name: string, source: string])[] = [
  ['google', 'gclid', 'Google'],
  ['google', 'gbraid', 'Google'],
  ['google', 'wbraid', 'Google'],
  ['microsoft', 'msclkid', 'Microsoft'],
  ['other_click_ids', 'dclid', 'Google'],
  ['other_click_ids', 'ttclid', 'TikTok'],
  ['other_click_ids', 'twclid', 'Twitter'],
  ['other_click_ids', 'li_fat_id', 'LinkedIn'],
  ['other_click_ids', 'epik', 'Pinterest'],
];

/** Says how the visitor came to the page, as far as the event says it. */
@Injectable()
export class Channel extends EnrichmentStep {
  override readonly name = 'channel';
  override readonly isOn: boolean;
  private readonly referrers: Referrers | undefined;
  private lastFound: { readonly channel: FoundChannel } = { channel: DIRECT };
  /** The events of a request mostly have one referrer. */
  private lastReferrer = '';
  private lastHost = '';

  constructor(@InjectOptions(EnrichmentOptions) { enrichChannel }: EnrichmentOptions) {
    super();
    this.isOn = enrichChannel;
    this.referrers = enrichChannel ? loadReferrers() : undefined;
  }

  override ofRequest(): undefined {
    return undefined;
  }

  override ofEvent({ url, route }: Readonly<Fields>): ServerFields | undefined {
    if (this.referrers === undefined) {
      return undefined;
    }
    const channel = this.channelOf(
      this.referrers,
      isFields(url) ? url : undefined,
      isFields(route) ? route : undefined,
    );
    if (channel === undefined) {
      return undefined;
    }
    const { channel: last } = this.lastFound;
    if (channel.name !== last.name || channel.source !== last.source) {
      this.lastFound = { channel };
    }
    return this.lastFound;
  }

  /** @returns undefined for an event that is not about a page */
  private channelOf(
    referrers: Referrers,
    url: Fields | undefined,
    route: Fields | undefined,
  ): FoundChannel | undefined {
    const fromCampaign = url && (campaignOf(referrers, url['utm']) ?? paidOf(url));
    if (fromCampaign !== undefined) {
      return fromCampaign;
    }
    const host = url && this.referrerHost(url);
    if (host) {
      return ofHost(referrers, host, textOf(route?.['domain']));
    }
    if (isFields(url?.['meta']) && textOf(url['meta']['fbclid']) !== '') {
      return FACEBOOK;
    }
    return route !== undefined && (route['domain'] ?? route['path'] ?? undefined) !== undefined
      ? DIRECT
      : undefined;
  }

  /** In lower case; empty when the referrer is no address. */
  private referrerHost(url: Fields): string {
    const host = textOf(url['referrer_hostname']);
    if (host !== '') {
      return host.toLowerCase();
    }
    const referrer = textOf(url['referrer']);
    if (referrer !== this.lastReferrer) {
      this.lastReferrer = referrer;
      this.lastHost = URL.parse(referrer)?.hostname ?? '';
    }
    return this.lastHost;
  }
}

/** A campaign of the site's owner. Some assistants put their own host, and nothing else, into the links that they give. */
function campaignOf(referrers: Referrers, utm: unknown): FoundChannel | undefined {
  if (!isFields(utm)) {
    return undefined;
  }
  const source = textOf(utm['source']);
  const hasMore = textOf(utm['medium']) !== '' || textOf(utm['campaign']) !== '';
  if (source === '' && !hasMore) {
    return undefined;
  }
  const known = hasMore ? undefined : referrers.get(withoutWww(source.toLowerCase()));
  return (
    known ??
    (source === ''
      ? { name: 'campaign' }
      : { name: 'campaign', source: source.slice(0, MAX_SOURCE_LENGTH) })
  );
}

function paidOf(url: Fields): FoundChannel | undefined {
  for (const [group, name, source] of PAID_CLICK_IDS) {
    const ids = url[group];
    if (isFields(ids) && textOf(ids[name]) !== '') {
      return { name: 'paid', source };
    }
  }
  return undefined;
}

function ofHost(referrers: Referrers, referrerHost: string, page: string): FoundChannel {
  const host = withoutWww(referrerHost);
  if (page !== '' && host === withoutWww(page.toLowerCase())) {
    return INTERNAL;
  }
  return referrers.get(host) ?? { name: 'referral', source: host.slice(0, MAX_SOURCE_LENGTH) };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
