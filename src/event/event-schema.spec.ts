import { describe, expect, it } from 'vitest';
import { validationErrors } from './event-schema.js';

describe('validationErrors', () => {
  it.each([
    ['an empty event', {}],
    ['unknown fields at every level', { a: 1, url: { a: 1, utm: { a: 1 } }, device: { a: [] } }],
    ['fractional numbers', { device: { tz_offset_minutes: -0.5, screens: [{ width: 1.5 }] } }],
    ['lists', { device: { languages: ['de', 'en'], ua_brands: [], screens: [{}, { height: 1 }] } }],
    ['free data', { route: { query: { a: [null, { b: 1 }] } }, props: { a: null } }],
    ['a ts of any type: it is never a fault', { ts: [{}] }],
  ])('accepts %s', (_, event) => {
    expect(validationErrors(event)).toEqual([]);
  });

  it.each([
    [{ event_id: 1 }, 'event_id: must be a string'],
    [{ type: {} }, 'type: must be a string'],
    [{ url: 'https://example.com/' }, 'url: must be an object'],
    [{ url: [] }, 'url: must be an object'],
    [{ url: { utm: { source: 1 } } }, 'url.utm.source: must be a string'],
    [{ url: { google: 'x' } }, 'url.google: must be an object'],
    [{ url: { meta: { fbc: [] } } }, 'url.meta.fbc: must be a string'],
    [{ url: { microsoft: { msclkid: 1 } } }, 'url.microsoft.msclkid: must be a string'],
    [{ url: { other_click_ids: { epik: 1 } } }, 'url.other_click_ids.epik: must be a string'],
    [{ url: { query_size: '5' } }, 'url.query_size: must be a finite number'],
    [{ route: { query: [] } }, 'route.query: must be an object'],
    [{ route: { fullPath: 1 } }, 'route.fullPath: must be a string'],
    [{ device: { network_rtt: Infinity } }, 'device.network_rtt: must be a finite number'],
    [{ device: { cookie_enabled: 1 } }, 'device.cookie_enabled: must be true or false'],
    [{ device: { languages: 'de' } }, 'device.languages: must be an array'],
    [{ device: { languages: ['de', 1] } }, 'device.languages.1: must be a string'],
    [{ device: { screens: {} } }, 'device.screens: must be an array'],
    [{ device: { screens: [{}, null] } }, 'device.screens.1: must be an object'],
    [{ device: { screens: [{ width: '1' }] } }, 'device.screens.0.width: must be a finite number'],
    [{ session: { session_seq: '1' } }, 'session.session_seq: must be a finite number'],
    [{ session: { session_start_ts: 1 } }, 'session.session_start_ts: must be a string'],
    [{ props: 'x' }, 'props: must be an object'],
    [{ props: [] }, 'props: must be an object'],
  ])('refuses %j', (event, error) => {
    expect(validationErrors(event)).toEqual([error]);
  });

  it('finds every error, and leaves the event as it is', () => {
    const event = {
      type: 1,
      url: { utm: { source: 1, medium: 2 }, referrer: 3 },
      device: { languages: [1, 2], gpu: 'x' },
    };
    const before = structuredClone(event);
    expect(validationErrors(event).toSorted()).toEqual([
      'device.languages.0: must be a string',
      'type: must be a string',
      'url.referrer: must be a string',
      'url.utm.medium: must be a string',
      'url.utm.source: must be a string',
    ]);
    expect(event).toEqual(before);
  });

  it('stops at ten errors', () => {
    const names = ['source', 'medium', 'campaign', 'term', 'content', 'id', 'campaign_id'];
    const utm = Object.fromEntries(names.map((name) => [name, 1]));
    const meta = { fbclid: 1, fbc: 1, fbp: 1, campaign_id: 1, adset_id: 1, ad_id: 1 };
    expect(new Set(validationErrors({ url: { utm, meta } })).size).toBe(10);
  });

  it('never repeats a value', () => {
    expect(validationErrors({ url: 'secret', props: 'secret' }).join()).not.toContain('secret');
  });
});
