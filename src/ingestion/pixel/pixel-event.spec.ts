import { parse } from 'node:querystring';
import { describe, expect, it } from 'vitest';
import { pixelEvent } from './pixel-event.js';
import { createSanitizer } from '../../event/sanitize.js';

function pixel(query: string, referer?: string): unknown {
  return JSON.parse(JSON.stringify(pixelEvent(parse(query), { referer })));
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
    ['the first of a repeated parameter', 'e=a&e=b&x=1&x=2', { type: 'a', props: { x: '1' } }],
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
    expect(pixel('url=nonsense', 'https://a.b/')).toEqual({ props: { url: 'nonsense' } });
  });

  it('ignores a Referer that is no address', () => {
    expect(pixel('', 'nonsense')).toEqual({});
  });

  it.each([
    ['the Referer', 'ref=https%3A%2F%2Fa.b', 'https://a.b/'],
    ['the url', 'url=https%3A%2F%2Fa.b%2F&ref=https%3A%2F%2Fa.b%2F', undefined],
    ['the url but for its hash', 'ref=https%3A%2F%2FA.b%2F%23x&url=https%3A%2F%2Fa.b', undefined],
  ])('does not take %s for its own referrer', (_, query, referer) => {
    expect(pixel(query, referer)).toEqual(home);
  });

  it('takes __proto__ for a name like any other', () => {
    const { props } = pixelEvent(parse('__proto__=x'), {});
    expect(JSON.stringify(props)).toBe('{"__proto__":"x"}');
  });

  it('leaves out what the sanitizer strips', () => {
    const sanitizer = createSanitizer(['Email', 'uid', 'gclid', 'url']);
    const query = parse('email=a&EMAIL=b&uid=c&gclid=d&url=https%3A%2F%2Fa.b%2F&plan=pro');
    const event = pixelEvent(query, {}, sanitizer);
    expect(JSON.parse(JSON.stringify(event))).toEqual({ props: { plan: 'pro' } });
  });
});
