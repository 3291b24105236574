import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Fields } from './fields.js';
import { addPage, withoutHash } from './page.js';

function pageOf(address: string): { route: Fields; url: Fields } {
  const route: Fields = {};
  const url: Fields = {};
  addPage(new URL(address), route, url);
  return { route, url };
}

describe('addPage', () => {
  it('takes an address apart', () => {
    const page = pageOf('https://user:secret@Example.com:8443/ä/b?a=1&b=%C3%A4+x#top');
    expect(page).toEqual({
      route: {
        domain: 'example.com',
        path: '/%C3%A4/b',
        fullPath: '/%C3%A4/b?a=1&b=%C3%A4+x#top',
        hash: '#top',
        protocol: 'https',
        query: { a: '1', b: 'ä x' },
      },
      url: { raw_query: 'a=1&b=%C3%A4+x', query_size: 14 },
    });
  });

  it.each([
    [
      'https://example.com',
      { route: { domain: 'example.com', path: '/', fullPath: '/', protocol: 'https' }, url: {} },
    ],
    ['about:blank', { route: { path: 'blank', fullPath: 'blank', protocol: 'about' }, url: {} }],
    ['foo:', { route: { protocol: 'foo' }, url: {} }],
  ])('leaves out what %s does not have', (address, expected) => {
    expect(pageOf(address)).toEqual(expected);
  });

  it('takes the first of a repeated name', () => {
    expect(pageOf('https://a.b/?x=1&x=2&x=3').route['query']).toEqual({ x: '1' });
  });

  it('takes __proto__ for a name like any other', () => {
    const query = pageOf('https://a.b/?__proto__=1&__proto__=2').route['query'];
    expect(JSON.stringify(query)).toBe('{"__proto__":"1"}');
  });

  it('fills the campaign fields from the query', () => {
    const query =
      'utm_source=1&utm_medium=2&utm_campaign=3&utm_term=4&utm_content=5&utm_id=6&utm_campaign_id=7' +
      '&gclid=8&gclsrc=9&gbraid=10&wbraid=11&campaignid=12&adgroupid=13&creative=14&keyword=15' +
      '&matchtype=16&network=17&device=18&placement=19&fbclid=20&fbc=21&fbp=22&campaign_id=23' +
      '&adset_id=24&ad_id=25&msclkid=26&ttclid=27&li_fat_id=28&epik=29&twclid=30&dclid=31';
    expect(pageOf(`https://example.com/?${query}`).url).toEqual({
      raw_query: query,
      query_size: query.length,
      utm: {
        source: '1',
        medium: '2',
        campaign: '3',
        term: '4',
        content: '5',
        id: '6',
        campaign_id: '7',
      },
      google: {
        gclid: '8',
        gclsrc: '9',
        gbraid: '10',
        wbraid: '11',
        campaign_id: '12',
        ad_group_id: '13',
        ad_id: '14',
        keyword_id: '15',
        matchtype: '16',
        network: '17',
        device: '18',
        placement: '19',
      },
      meta: {
        fbclid: '20',
        fbc: '21',
        fbp: '22',
        campaign_id: '23',
        adset_id: '24',
        ad_id: '25',
      },
      microsoft: { msclkid: '26' },
      other_click_ids: { ttclid: '27', li_fat_id: '28', epik: '29', twclid: '30', dclid: '31' },
    });
  });

  it.each([
    ['#utm_source=x', { source: 'x' }],
    ['#/path?utm_source=x&UTM_MEDIUM=y', { source: 'x', medium: 'y' }],
    ['#!/path?a=1&utm_source[]=x', { source: 'x' }],
    ['?utm_source=q#utm_source=x&utm_medium=y', { source: 'q', medium: 'y' }],
    ['?utm_source=#/?utm_source=x', { source: 'x' }],
    ['?UTM_SOURCE=x', { source: 'x' }],
    ['?utm_source=&utm_source=x&utm_source=y', { source: 'x' }],
    ['?utm_source[]=&utm_source%5B%5D=x', { source: 'x' }],
    ['?utm_source=&Utm_Source[]=x', { source: 'x' }],
  ])('finds the campaign in %s', (tail, utm) => {
    const { route, url } = pageOf(`https://example.com/${tail}`);
    expect(url['utm']).toEqual(utm);
    expect(url['raw_query']).toBe(/^\?([^#]*)/.exec(tail)?.[1]);
    expect(route['hash']).toBe(/#.*/.exec(tail)?.[0]);
  });

  it('finds no campaign in other fragments', () => {
    for (const tail of ['#utm_source', '#/utm_source=', '#a?b', '#=utm_source']) {
      expect(pageOf(`https://example.com/${tail}`).url).toEqual({});
    }
  });

  it('leaves out empty campaign fields', () => {
    expect(pageOf('https://example.com/?utm_source=&gclid').url).not.toHaveProperty('utm');
    expect(pageOf('https://example.com/?utm_source=&gclid').url).not.toHaveProperty('google');
  });

  it('decodes a query as URLSearchParams does', () => {
    const piece = fc.constantFrom(
      'a',
      'b',
      '=',
      '&',
      '+',
      '%',
      '%41',
      '%C3%A4',
      '%FF',
      '%zz',
      ';',
      'ä',
      '?',
    );
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const page = new URL(`https://example.com/?${pieces.join('')}`);
        const expected = new Map<string, string>();
        for (const [name, value] of page.searchParams) {
          expected.set(name, expected.get(name) ?? value);
        }
        const { query } = pageOf(page.href).route;
        expect(new Map(Object.entries(query ?? {}))).toEqual(expected);
      }),
    );
  });
});

describe('withoutHash', () => {
  it.each([
    ['https://a.b/c?d#e', 'https://a.b/c?d'],
    ['https://a.b/#', 'https://a.b/'],
    ['https://a.b/', 'https://a.b/'],
  ])('cuts %s', (address, expected) => {
    expect(withoutHash(address)).toBe(expected);
  });
});
