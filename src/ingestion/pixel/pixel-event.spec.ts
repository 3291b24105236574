import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pixelEvent } from './pixel-event.js';
import type { Fields } from '../../event/fields.js';
import { createSanitizer } from '../../event/sanitize.js';

function pixel(query: string, referer?: string): unknown {
  return JSON.parse(JSON.stringify(pixelEvent(query, { referer })));
}

const page = encodeURIComponent('https://example.com/a?utm_source=page&x=1#top');
const pageFields = {
  route: {
    domain: 'example.com',
    path: '/a',
    fullPath: '/a?utm_source=page&x=1#top',
    hash: '#top',
    protocol: 'https',
    query: { utm_source: 'page', x: '1' },
  },
  url: { raw_query: 'utm_source=page&x=1', query_size: 19, utm: { source: 'page' } },
};
const home = {
  route: { domain: 'a.b', path: '/', fullPath: '/', protocol: 'https' },
};

describe('pixelEvent', () => {
  it.each([
    ['nothing', '', {}],
    ['e, event_id and ts', 'e=click&event_id=1&ts=2', { type: 'click', event_id: '1', ts: '2' }],
    ['uid and sid', 'uid=u&sid=s', { session: { visitor_id: 'u', session_id: 's' } }],
    ['title', 'title=Hello', { route: { title: 'Hello' } }],
    ['url', `url=${page}`, pageFields],
    [
      'ref',
      'ref=https%3A%2F%2Fgoogle.com%2Fq',
      { url: { referrer: 'https://google.com/q', referrer_hostname: 'google.com' } },
    ],
    ['a ref that is no address', 'ref=newsletter', { url: { referrer: 'newsletter' } }],
    ['any other parameter', 'plan=pro&empty=', { props: { plan: 'pro', empty: '' } }],
    [
      'names of the event itself',
      'type=a&session=b&props=c&utm_foo=d&device=e',
      { props: { type: 'a', session: 'b', props: 'c', utm_foo: 'd', device: 'e' } },
    ],
    [
      'the first of a repeated parameter of ours that is not empty',
      'e=&e=a&e=b&uid=&uid=u&title=t&title=&utm_source=&utm_source=s',
      {
        type: 'a',
        session: { visitor_id: 'u' },
        route: { title: 't' },
        url: { utm: { source: 's' } },
      },
    ],
    [
      'every value of any other repeated parameter',
      'x=1&x=2&y[]=&y[]=3',
      { props: { x: ['1', '2'], 'y[]': ['', '3'] } },
    ],
    [
      'campaign parameters in any case and as lists',
      'UTM_Source=a&utm_medium[]=b&utm_campaign%5B%5D=c&GCLID=d&utm_term[]=&utm_term[]=e',
      {
        url: {
          utm: { source: 'a', medium: 'b', campaign: 'c', term: 'e' },
          google: { gclid: 'd' },
        },
      },
    ],
    [
      'values with bad escapes',
      'title=50%25+off+100%&plan=Caf%E9+au+lait%21&x=%2',
      { route: { title: '50% off 100%' }, props: { plan: 'Caf\u{FFFD} au lait!', x: '%2' } },
    ],
    [
      'a url with a bad escape at its end',
      'url=https%3A%2F%2Fshop.example%2Fcart%3Futm_source%3Dmail%26utm_campaign%3Dspring%2',
      {
        route: {
          domain: 'shop.example',
          path: '/cart',
          fullPath: '/cart?utm_source=mail&utm_campaign=spring%2',
          protocol: 'https',
          query: { utm_source: 'mail', utm_campaign: 'spring%2' },
        },
        url: {
          raw_query: 'utm_source=mail&utm_campaign=spring%2',
          query_size: 37,
          utm: { source: 'mail', campaign: 'spring%2' },
        },
      },
    ],
    ['empty parameters of ours', 'uid=&sid=&url=&ref=&title=&utm_source=&gclid=', {}],
    ['an address that is none', 'url=%2Fa%2Fb', { props: { url: '/a/b' } }],
    [
      'its own campaign parameters',
      'utm_medium=m&gclid=g&fbp=f&msclkid=c&ttclid=t',
      {
        url: {
          utm: { medium: 'm' },
          google: { gclid: 'g' },
          meta: { fbp: 'f' },
          microsoft: { msclkid: 'c' },
          other_click_ids: { ttclid: 't' },
        },
      },
    ],
  ])('understands %s', (_, query, expected) => {
    expect(pixel(query)).toEqual(expected);
  });

  it('lets the page overrule its own campaign parameters, field by field, in any order', () => {
    const expected = {
      ...pageFields,
      url: { ...pageFields.url, utm: { source: 'page', medium: 'own' } },
    };
    expect(pixel(`utm_source=own&utm_medium=own&url=${page}`)).toEqual(expected);
    expect(pixel(`url=${page}&utm_source=own&utm_medium=own`)).toEqual(expected);
  });

  it('takes the Referer for the page when there is no url', () => {
    expect(pixel('', 'https://a.b/')).toEqual(home);
    expect(pixel('url=', 'https://a.b/')).toEqual(home);
  });

  it('does not take the Referer for the page when there is a url', () => {
    expect(pixel(`url=${page}`, 'https://a.b/')).toEqual(pageFields);
    expect(pixel('url=C%3A%5Cx', 'https://a.b/')).toEqual({ props: { url: 'C:\\x' } });
  });

  it.each([
    ['/cart?utm_source=x', '/cart', { raw_query: 'utm_source=x', utm: { source: 'x' } }],
    ['cart', '/shop/cart', undefined],
    ['../cart', '/cart', undefined],
    ['?a=1', '/shop/list', { raw_query: 'a=1', query_size: 3 }],
    ['//a.b/x', '/x', undefined],
  ])('resolves %s against the Referer', (address, path, url) => {
    const event = pixel(
      `url=${encodeURIComponent(address)}`,
      'https://u:p@a.b/shop/list?b=2',
    ) as Fields;
    expect(event['route']).toMatchObject({ domain: 'a.b', path, protocol: 'https' });
    expect(event).not.toHaveProperty('props');
    if (url === undefined) {
      expect(event).not.toHaveProperty('url');
    } else {
      expect(event['url']).toMatchObject(url);
    }
  });

  it('resolves any relative address as a browser does', () => {
    const piece = fc.constantFrom(
      '/',
      'a',
      '..',
      '.',
      '?',
      '#',
      '%2',
      ' ',
      'ä',
      'utm_source=x',
      '@',
    );
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1, maxLength: 6 }), (pieces) => {
        const address = pieces.join('');
        const expected = URL.parse(address, 'https://a.b/c/d?e=f');
        fc.pre(expected !== null);
        const event = pixel(`url=${encodeURIComponent(address)}`, 'https://a.b/c/d?e=f') as Fields;
        expect(event['route']).toMatchObject({
          domain: expected.hostname,
          fullPath: expected.pathname + expected.search + expected.hash,
        });
      }),
    );
  });

  it.each([
    'shop.example:8080/cart',
    'localhost:3000',
    'C:\\site\\a.html',
    'c:/site/a.html',
    'web:x',
  ])('keeps %s, which is no address, in props', (address) => {
    for (const referer of [undefined, 'https://a.b/']) {
      expect(pixel(`url=${encodeURIComponent(address)}`, referer)).toEqual({
        props: { url: address },
      });
    }
  });

  it.each(['android-app://com.example/a', 'about:blank', 'capacitor://localhost/a', 'https:a.b/c'])(
    'takes %s for a page',
    (address) => {
      expect(pixel(`url=${encodeURIComponent(address)}`)).toHaveProperty('route.protocol');
    },
  );

  it('reads a Referer of UTF-8 bytes', () => {
    const header = Buffer.from('https://a.b/ä').toString('latin1');
    expect(pixel('', header)).toHaveProperty('route.path', '/%C3%A4');
    expect(pixel('', 'https://a.b/ä')).toHaveProperty('route.path', '/%C3%A4');
  });

  it('removes user names and passwords', () => {
    const address = 'https://user:secret@a.b/x';
    for (const event of [
      pixel(`url=${encodeURIComponent(address)}`),
      pixel('', address),
      pixel(`ref=${encodeURIComponent(address)}`),
      pixel(`url=%2Fy&ref=${encodeURIComponent(address)}`, address),
    ]) {
      expect(JSON.stringify(event)).not.toMatch(/user|secret/);
    }
    expect(pixel(`ref=${encodeURIComponent(address)}`)).toEqual({
      url: { referrer: 'https://a.b/x', referrer_hostname: 'a.b' },
    });
  });

  it('ignores a Referer that is no address', () => {
    expect(pixel('', 'nonsense')).toEqual({});
  });

  it.each([
    ['the Referer', 'ref=https%3A%2F%2Fa.b', 'https://a.b/'],
    ['the url', 'url=https%3A%2F%2Fa.b%2F&ref=https%3A%2F%2Fa.b%2F', undefined],
    ['a url with a user', 'ref=https%3A%2F%2Fa.b&url=https%3A%2F%2Fu:p@a.b', undefined],
    ['a url with another user', 'ref=https%3A%2F%2Fx@a.b&url=https%3A%2F%2Fu:p@a.b', undefined],
    ['a relative url', 'ref=https%3A%2F%2Fa.b&url=%2F', 'https://a.b/list'],
    ['a relative url, relative too', 'ref=%2F&url=%2F', 'https://a.b/list'],
    ['the url but for its hash', 'ref=https%3A%2F%2FA.b%2F%23x&url=https%3A%2F%2Fa.b', undefined],
  ])('does not take %s for its own referrer', (_, query, referer) => {
    expect(pixel(query, referer)).toEqual(home);
  });

  it('takes __proto__ for a name like any other', () => {
    const { props } = pixelEvent('__proto__=x', {});
    expect(JSON.stringify(props)).toBe('{"__proto__":"x"}');
  });

  it('leaves out what the sanitizer strips', () => {
    const sanitizer = createSanitizer(['Email', 'uid', 'gclid', 'url']);
    const query =
      'email=a&EMAIL=b&email[]=x&gclid[]=y&uid=c&gclid=d&url=https%3A%2F%2Fa.b%2F&plan=pro';
    const event = pixelEvent(query, {}, sanitizer);
    expect(JSON.parse(JSON.stringify(event))).toEqual({ props: { plan: 'pro' } });
  });

  it('decodes every parameter as URLSearchParams does, whatever the bytes', () => {
    const text = fc.oneof(
      fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
      fc
        .uint8Array({ maxLength: 6 })
        .map((bytes) => Buffer.from(bytes).toString('hex').replace(/../g, '%$&')),
      fc
        .array(
          fc.constantFrom(
            '%',
            '%2',
            '%C3',
            '%E9',
            '%zz',
            '+',
            '=',
            '&',
            'a',
            '__proto__',
            '[]',
            '?',
          ),
        )
        .map((all) => all.join('')),
    );
    fc.assert(
      fc.property(fc.array(text, { maxLength: 4 }), (texts) => {
        const rawQuery = texts.map((one) => `p-${one}`).join('&');
        const expected = new Map<string, string[]>();
        for (const [name, value] of new URLSearchParams(rawQuery)) {
          expected.set(name, [...(expected.get(name) ?? []), value]);
        }
        const props = new Map(Object.entries((pixelEvent(rawQuery, {})['props'] ?? {}) as Fields));
        for (const [name, values] of expected) {
          if (name.startsWith('p-')) {
            expect(props.get(name)).toEqual(values.length === 1 ? values[0] : values);
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});
