import { describe, expect, it } from 'vitest';
import { placeInHeaders } from './place-in-headers.js';

/** How Node hands over what was sent as UTF-8. */
const sent = (text: string): string => Buffer.from(text).toString('latin1');

describe('placeInHeaders', () => {
  it.each([
    [
      'Cloudflare',
      {
        'cf-ipcountry': 'DE',
        'cf-ipcity': sent('Köln'),
        'cf-region': 'North Rhine-Westphalia',
        'cf-region-code': 'NW',
        'cf-postal-code': '50667',
        'cf-iplatitude': '50.93333',
        'cf-iplongitude': '6.95000',
        'cf-timezone': 'Europe/Berlin',
      },
      {
        country: 'DE',
        region: 'NW',
        region_name: 'North Rhine-Westphalia',
        city: 'Köln',
        postal_code: '50667',
        latitude: 50.933_33,
        longitude: 6.95,
        timezone: 'Europe/Berlin',
      },
    ],
    [
      'CloudFront',
      {
        'cloudfront-viewer-country': 'BR',
        'cloudfront-viewer-country-region': 'SP',
        'cloudfront-viewer-country-region-name': 'S%C3%A3o Paulo',
        'cloudfront-viewer-city': 'S%C3%A3o Paulo',
        'cloudfront-viewer-latitude': '-23.54750',
        'cloudfront-viewer-longitude': '-46.63610',
        'cloudfront-viewer-time-zone': 'America/Sao_Paulo',
        'cloudfront-viewer-asn': '26599',
      },
      {
        country: 'BR',
        region: 'SP',
        region_name: 'São Paulo',
        city: 'São Paulo',
        latitude: -23.5475,
        longitude: -46.6361,
        timezone: 'America/Sao_Paulo',
        asn: 26_599,
      },
    ],
    [
      'Vercel',
      {
        'x-vercel-ip-country': 'US',
        'x-vercel-ip-country-region': 'CA',
        'x-vercel-ip-city': 'San%20Francisco',
        'x-vercel-ip-as-number': '16509',
      },
      { country: 'US', region: 'CA', city: 'San Francisco', asn: 16_509 },
    ],
    [
      'Fastly',
      { 'fastly-geo-country': 'fr', 'fastly-geo-city': 'Paris', 'fastly-geo-region': 'IDF' },
      { country: 'FR', region: 'IDF', city: 'Paris' },
    ],
  ])('reads the headers of %s', (_, headers, place) => {
    expect(placeInHeaders(headers)).toEqual(place);
  });

  it.each([
    ['no header', {}],
    ['a city without a country', { 'cf-ipcity': 'Paris' }],
    ['an unknown country', { 'cf-ipcountry': 'XX', 'cf-ipcity': 'Paris' }],
    ['Tor', { 'cf-ipcountry': 'T1' }],
    ['no code', { 'cf-ipcountry': 'Germany' }],
    ['an empty header', { 'cf-ipcountry': '' }],
    ['a header that came twice', { 'cf-ipcountry': 'DE, FR' }],
    ['headers of two networks', { 'cf-ipcountry': 'DE', 'x-vercel-ip-country': 'DE' }],
  ])('finds no place in %s', (_, headers) => {
    expect(placeInHeaders(headers)).toBeUndefined();
  });

  it('leaves out what cannot be, and bounds names', () => {
    const headers = {
      'cloudfront-viewer-country': 'DE',
      'cloudfront-viewer-city': `%E0%A4${'x'.repeat(5000)}`,
      'cloudfront-viewer-country-region': ' ',
      'cloudfront-viewer-country-region-name': 'a%00b',
      'cloudfront-viewer-latitude': '91',
      'cloudfront-viewer-longitude': 'NaN',
      'cloudfront-viewer-asn': '-1',
    };
    expect(placeInHeaders(headers)).toEqual({
      country: 'DE',
      city: `%E0%A4${'x'.repeat(54)}`,
    });
  });
});
