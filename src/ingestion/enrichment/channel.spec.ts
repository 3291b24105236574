import { describe, expect, it } from 'vitest';
import type { Fields } from '../../event/fields.js';
import { Channel } from './channel.js';
import { EnrichmentOptions } from './enrichment.options.js';
import { OWN_REFERRERS } from './own-referrers.js';
import { loadReferrers, withoutWww } from './referrers.js';

const channel = new Channel(new EnrichmentOptions());
const PAGE = { domain: 'shop.example', path: '/' };

function channelOf(event: Fields): unknown {
  return channel.ofEvent(event)?.['channel'];
}

function from(referrer: string, url: Fields = {}): unknown {
  return channelOf({ url: { ...url, referrer }, route: PAGE });
}

describe('the channel of a visit', () => {
  it.each([
    ['https://www.google.com/', { name: 'search', source: 'Google' }],
    ['https://www.google.co.uk/', { name: 'search', source: 'Google' }],
    ['https://www.bing.com/', { name: 'search', source: 'Bing' }],
    ['https://duckduckgo.com/', { name: 'search', source: 'DuckDuckGo' }],
    ['https://kagi.com/', { name: 'search', source: 'Kagi' }],
    ['https://www.startpage.com/', { name: 'search', source: 'Startpage' }],
    ['https://l.facebook.com/', { name: 'social', source: 'Facebook' }],
    ['https://t.co/abc', { name: 'social', source: 'Twitter' }],
    ['https://www.reddit.com/', { name: 'social', source: 'Reddit' }],
    ['https://www.youtube.com/', { name: 'social', source: 'Youtube' }],
    ['https://www.tiktok.com/', { name: 'social', source: 'TikTok' }],
    ['https://www.threads.com/', { name: 'social', source: 'Threads' }],
    ['https://bsky.app/', { name: 'social', source: 'Bluesky' }],
    ['android-app://com.reddit.frontpage/', { name: 'social', source: 'Reddit' }],
    ['https://chatgpt.com/', { name: 'assistant', source: 'ChatGPT' }],
    ['https://claude.ai/', { name: 'assistant', source: 'Claude' }],
    ['https://www.perplexity.ai/search/x', { name: 'assistant', source: 'Perplexity' }],
    ['https://gemini.google.com/', { name: 'assistant', source: 'Gemini' }],
    ['https://mail.google.com/', { name: 'email', source: 'Gmail' }],
    ['android-app://com.google.android.gm/', { name: 'email', source: 'Gmail' }],
    ['https://outlook.live.com/', { name: 'email', source: 'Outlook.com' }],
    ['https://googleads.g.doubleclick.net/', { name: 'paid', source: 'Google' }],
    ['https://en.wikipedia.org/', { name: 'referral', source: 'Wikipedia' }],
    ['https://docs.google.com/', { name: 'referral', source: 'docs.google.com' }],
    ['https://blog.example/post', { name: 'referral', source: 'blog.example' }],
    ['https://www.blog.example:8443/post', { name: 'referral', source: 'blog.example' }],
    ['https://shop.example/other', { name: 'internal' }],
    ['https://www.shop.example/', { name: 'internal' }],
    ['http://SHOP.example', { name: 'internal' }],
    ['', { name: 'direct' }],
    ['nonsense', { name: 'direct' }],
  ])('from %s', (referrer, expected) => {
    expect(from(referrer)).toEqual(expected);
    expect(from(referrer)).toEqual(expected);
  });

  it('is known by the host of the referrer alone', () => {
    const url = { referrer_hostname: 'WWW.Bing.com' };
    expect(channelOf({ url, route: PAGE })).toEqual({ name: 'search', source: 'Bing' });
  });

  it.each([
    [
      { source: 'newsletter', medium: 'email' },
      { name: 'campaign', source: 'newsletter' },
    ],
    [{ source: 'chatgpt.com' }, { name: 'assistant', source: 'ChatGPT' }],
    [
      { source: 'chatgpt.com', campaign: 'x' },
      { name: 'campaign', source: 'chatgpt.com' },
    ],
    [{ campaign: 'spring' }, { name: 'campaign' }],
    [{ source: 'x'.repeat(1000) }, { name: 'campaign', source: 'x'.repeat(100) }],
    [{ term: 'shoes' }, { name: 'search', source: 'Google' }],
  ])('with utm %j, whatever the referrer', (utm, expected) => {
    expect(from('https://www.google.com/', { utm })).toEqual(expected);
  });

  it.each([
    ['google', 'gclid', 'Google'],
    ['google', 'gbraid', 'Google'],
    ['google', 'wbraid', 'Google'],
    ['microsoft', 'msclkid', 'Microsoft'],
    ['other_click_ids', 'dclid', 'Google'],
    ['other_click_ids', 'ttclid', 'TikTok'],
    ['other_click_ids', 'twclid', 'Twitter'],
    ['other_click_ids', 'li_fat_id', 'LinkedIn'],
    ['other_click_ids', 'epik', 'Pinterest'],
  ])('is paid for with %s.%s', (group, name, source) => {
    const url = { [group]: { [name]: 'x' } };
    expect(from('https://www.google.com/', url)).toEqual({ name: 'paid', source });
    expect(channelOf({ url })).toEqual({ name: 'paid', source });
  });

  it('is not paid for with fbclid, which is on every link', () => {
    const url = { meta: { fbclid: 'x' } };
    expect(channelOf({ url, route: PAGE })).toEqual({ name: 'social', source: 'Facebook' });
    expect(from('https://l.instagram.com/', url)).toEqual({ name: 'social', source: 'Instagram' });
  });

  it.each([{}, { url: {} }, { route: { title: 'x' } }, { url: 7, route: 'x' }, { type: 'signup' }])(
    'is unknown where the event is not about a page: %j',
    (event) => {
      expect(channel.ofEvent(event)).toBeUndefined();
    },
  );

  it('is left out when nobody wants it', () => {
    const off = new Channel(Object.assign(new EnrichmentOptions(), { enrichChannel: false }));
    expect(off.ofEvent({ route: PAGE })).toBeUndefined();
  });
});

describe('the known referrers', () => {
  it('are those of the list, and ours', () => {
    expect(loadReferrers().size).toBeGreaterThan(1500);
  });

  it('are ours only where they say what the list does not, once and as they are looked up', () => {
    const hosts = OWN_REFERRERS.map(([host]) => host);
    expect(new Set(hosts).size).toBe(hosts.length);
    expect(hosts.filter((host) => host !== withoutWww(host.toLowerCase()))).toEqual([]);
    const listed = loadReferrers([]);
    const repeated = OWN_REFERRERS.filter(([host, { name, source }]) => {
      const same = listed.get(host);
      return same?.name === name && same.source === source;
    });
    expect(repeated.map(([host]) => host)).toEqual([]);
  });
});
