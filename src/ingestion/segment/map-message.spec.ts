import { describe, expect, it } from 'vitest';
import { mapMessage } from './map-message.js';

/** What is set of the event. */
function eventOf(message: Record<string, unknown>, shared?: Record<string, unknown>): unknown {
  return JSON.parse(JSON.stringify(mapMessage(message, undefined, shared).fields));
}

const track = (fields: Record<string, unknown>): Record<string, unknown> => ({
  type: 'track',
  event: 'e',
  ...fields,
});

describe('the type of an event', () => {
  it.each([
    [{ type: 'track', event: 'Signed up' }, 'Signed up'],
    [{ type: 'page', name: 'Home' }, 'pageview'],
    [{ type: 'screen' }, 'screenview'],
    [{ type: 'identify' }, 'identify'],
    [{ type: 'group' }, 'group'],
    [{ type: 'alias' }, 'alias'],
  ])('%j is a %s', (message, type) => {
    expect(eventOf(message)).toMatchObject({ type });
  });

  it('is that of the call, and what the message says besides stays', () => {
    const { fields, errors } = mapMessage({ type: 'page', event: 'x' }, 'identify', undefined);
    expect(fields).toMatchObject({ type: 'identify', event: 'x' });
    expect(errors).toEqual([]);
    expect(fields['props']).toEqual({ type: 'page' });
    const same = mapMessage({ type: 'page' }, 'page', undefined);
    expect(same.fields['props']).toBeUndefined();
  });

  it.each([
    [{ type: 'trak' }, 'type: must be one of track, page, screen, identify, group, alias'],
    [{}, 'type: must be one of track, page, screen, identify, group, alias'],
    [{ type: 'toString' }, 'type: must be one of track, page, screen, identify, group, alias'],
    [{ type: 'track' }, 'event: must be a text that is not empty'],
    [{ type: 'track', event: '' }, 'event: must be a text that is not empty'],
    [{ type: 'track', event: 7 }, 'event: must be a text that is not empty'],
    [track({ userId: {} }), 'userId: must be a text or a number'],
    [track({ messageId: true }), 'messageId: must be a text or a number'],
    [track({ properties: 'x' }), 'properties: must be an object'],
    [track({ traits: [] }), 'traits: must be an object'],
    [track({ context: 'x' }), 'context: must be an object'],
  ])('%j is refused: %s', (message, error) => {
    expect(mapMessage(message, undefined, undefined).errors).toEqual([error]);
  });
});

describe('a message', () => {
  it('says who, when and what', () => {
    const message = track({
      messageId: 'm-1',
      timestamp: '2026-11-26T10:00:00.123456789Z',
      anonymousId: 'a',
      userId: 7,
      groupId: 'g',
      previousId: 'p',
      traits: { t: 1 },
      properties: { n: null, nested: { x: [1] } },
      integrations: {},
      category: 'c',
    });
    expect(eventOf(message)).toEqual({
      event_id: 'm-1',
      ts: '2026-11-26T10:00:00.123456789Z',
      type: 'e',
      session: { visitor_id: 'a' },
      user: { id: '7', group_id: 'g', previous_id: 'p', traits: { t: 1 } },
      props: { n: null, nested: { x: [1] } },
      category: 'c',
    });
  });

  it('never gives its key, and never sets a field of ours by its name', () => {
    const message = track({
      writeKey: 'secret',
      server: { ip: '1.2.3.4' },
      user: 'me',
      route: 5,
      properties: { route: 'mine' },
    });
    expect(eventOf(message)).toEqual({
      type: 'e',
      props: { route: 'mine', _route: 5, server: { ip: '1.2.3.4' }, user: 'me' },
    });
  });

  it('has members of any name', () => {
    const text =
      '{"type":"track","event":"e","__proto__":{"a":1},"constructor":2,' +
      '"context":{"__proto__":{"page":{"title":"T"}},"page":{"__proto__":5}},' +
      '"traits":{"__proto__":{"b":1}}}';
    const event = eventOf(JSON.parse(text) as Record<string, unknown>);
    expect(JSON.stringify(event)).toBe(
      '{"type":"e","user":{"traits":{"__proto__":{"b":1}}},"__proto__":{"a":1},"constructor":2,' +
        '"context":{"page":{"__proto__":5},"__proto__":{"page":{"title":"T"}}}}',
    );
    expect(({} as Record<string, unknown>)['a']).toBeUndefined();
  });

  it('may say its time in one of two places', () => {
    expect(eventOf(track({ originalTimestamp: 1, sentAt: 2 }))).toMatchObject({
      ts: 1,
      sent_at: 2,
    });
    expect(eventOf(track({ originalTimestamp: 1, timestamp: 3 }))).toMatchObject({
      ts: 3,
      originalTimestamp: 1,
    });
    expect(eventOf(track({ originalTimestamp: 3, timestamp: 3 }))).toEqual({ type: 'e', ts: 3 });
  });
});

describe('the context', () => {
  it('gives the page, and the campaign and click ids of its address', () => {
    const context = {
      page: {
        path: '/a',
        referrer: 'https://search.example/?q=1',
        search: '?utm_source=s&gclid=g',
        title: 'T',
        url: 'https://shop.example/a?utm_source=s&gclid=g#top',
        tab_url: 'https://shop.example/',
      },
      campaign: { name: 'n', source: 'other', custom: 'c' },
    };
    expect(eventOf(track({ context }))).toEqual({
      type: 'e',
      route: {
        domain: 'shop.example',
        path: '/a',
        fullPath: '/a?utm_source=s&gclid=g#top',
        hash: '#top',
        protocol: 'https',
        query: { utm_source: 's', gclid: 'g' },
        title: 'T',
      },
      url: {
        raw_query: 'utm_source=s&gclid=g',
        query_size: 20,
        utm: { source: 's', campaign: 'n' },
        google: { gclid: 'g' },
        referrer: 'https://search.example/?q=1',
        referrer_hostname: 'search.example',
      },
      context: {
        page: { tab_url: 'https://shop.example/' },
        campaign: { source: 'other', custom: 'c' },
      },
    });
  });

  it('knows no referrer called $direct', () => {
    expect(eventOf(track({ context: { page: { referrer: '$direct' } } }))).toEqual({ type: 'e' });
  });

  it('fills the device where it has a field, and stays where the kind is another', () => {
    const context = {
      userAgent: 'Mozilla/5.0',
      locale: 'de-CH',
      timezone: 'Europe/Zurich',
      screen: { width: 10, height: '20', density: 2 },
      os: { name: 'iOS', version: '18' },
      app: { name: 'shop' },
      device: { model: 'x' },
      library: { name: 'l' },
    };
    expect(eventOf(track({ context }))).toEqual({
      type: 'e',
      device: {
        ua: 'Mozilla/5.0',
        language: 'de-CH',
        tz: 'Europe/Zurich',
        screens: [{ width: 10 }],
        device_pixel_ratio: 2,
        os: 'iOS',
      },
      context: {
        screen: { height: '20' },
        os: { version: '18' },
        app: { name: 'shop' },
        device: { model: 'x' },
        library: { name: 'l' },
      },
    });
  });

  it('keeps traits among those of the user, where privacy signals reach them', () => {
    expect(eventOf(track({ context: { traits: { a: 1 } } }))).toMatchObject({
      user: { traits: { a: 1 } },
    });
    const both = track({ traits: { a: 1, b: 2 }, context: { traits: { a: 9, b: 2, c: 3 } } });
    expect(eventOf(both)).toEqual({
      type: 'e',
      user: { traits: { a: 1, b: 2, c: 3 }, context_traits: { a: 9 } },
    });
  });

  it('names the client, whose address goes no further', () => {
    const { fields, client } = mapMessage(
      track({ context: { ip: '203.0.113.9', userAgent: 'ua' } }),
      undefined,
      undefined,
    );
    expect(client).toEqual({ address: '203.0.113.9', userAgent: 'ua' });
    expect(JSON.stringify(fields)).not.toContain('203.0.113.9');
  });

  it('of a batch lies under that of each message', () => {
    const shared = { library: { name: 'l', version: '1' }, app: { name: 'shared' }, ip: '::1' };
    const message = track({ context: { app: { name: 'own' }, library: { version: '2' } } });
    const before = JSON.stringify([shared, message]);
    expect(eventOf(message, shared)).toEqual({
      type: 'e',
      context: { library: { name: 'l', version: '2' }, app: { name: 'own' } },
    });
    expect(eventOf(track({}), shared)).toMatchObject({ context: { app: { name: 'shared' } } });
    expect(JSON.stringify([shared, message])).toBe(before);
    const nulls = track({ context: { app: null, library: { name: null }, ip: null } });
    expect(mapMessage(nulls, undefined, shared)).toMatchObject({
      fields: { context: { app: { name: 'shared' }, library: { name: 'l', version: '1' } } },
      client: { address: '::1' },
    });
  });
});

describe('a page call without a page in its context', () => {
  it('has its page in its properties, which stay', () => {
    const properties = { url: 'https://shop.example/p?fbclid=f', title: 'T', price: 3 };
    expect(eventOf({ type: 'page', properties })).toMatchObject({
      type: 'pageview',
      route: { domain: 'shop.example', path: '/p', title: 'T' },
      url: { meta: { fbclid: 'f' } },
      props: properties,
    });
    expect(eventOf({ type: 'track', event: 'e', properties })).toEqual({
      type: 'e',
      props: properties,
    });
  });

  it('does not mix two pages', () => {
    const context = { page: { path: '/own' } };
    const properties = { url: 'https://shop.example/p', path: '/p' };
    expect(eventOf({ type: 'page', properties, context })).toMatchObject({
      route: { path: '/own' },
      props: properties,
    });
  });
});
