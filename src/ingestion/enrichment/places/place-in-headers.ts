import type { IncomingHttpHeaders } from 'node:http';
import { headerText } from '../../../event/header-text.js';
import { unescaped } from '../../../event/query.js';
import { countryCode } from './countries.js';
import { type Place, placeOf } from './place.js';

/** Characters; hardly any place has a longer name. */
const MAX_NAME_LENGTH = 60;
const CONTROL_CHARACTER = /\p{Cc}/u;
const MAX_ASN = 2 ** 32 - 1;

/** The headers of one network, in small letters. */
type HeaderNames = { readonly country: string } & {
  readonly [Name in Exclude<keyof Place, 'as_org'>]?: string;
};

/** As their own documents name them; most have to be turned on there. */
const NETWORKS: readonly HeaderNames[] = [
  {
    country: 'cf-ipcountry',
    region: 'cf-region-code',
    region_name: 'cf-region',
    city: 'cf-ipcity',
    postal_code: 'cf-postal-code',
    latitude: 'cf-iplatitude',
    longitude: 'cf-iplongitude',
    timezone: 'cf-timezone',
  },
  {
    country: 'cloudfront-viewer-country',
    region: 'cloudfront-viewer-country-region',
    region_name: 'cloudfront-viewer-country-region-name',
    city: 'cloudfront-viewer-city',
    postal_code: 'cloudfront-viewer-postal-code',
    latitude: 'cloudfront-viewer-latitude',
    longitude: 'cloudfront-viewer-longitude',
    timezone: 'cloudfront-viewer-time-zone',
    asn: 'cloudfront-viewer-asn',
  },
  {
    country: 'x-vercel-ip-country',
    region: 'x-vercel-ip-country-region',
    city: 'x-vercel-ip-city',
    postal_code: 'x-vercel-ip-postal-code',
    latitude: 'x-vercel-ip-latitude',
    longitude: 'x-vercel-ip-longitude',
    timezone: 'x-vercel-ip-timezone',
    asn: 'x-vercel-ip-as-number',
  },
  { country: 'fastly-geo-country-code', region: 'fastly-geo-region', city: 'fastly-geo-city' },
  { country: 'fastly-geo-country', region: 'fastly-geo-region', city: 'fastly-geo-city' },
];

/**
 * The place that a network in front (Cloudflare, CloudFront, Vercel, Fastly) says. Call for requests of trusted proxies
 * only. Headers of two of them contradict each other: a client wrote one, and nobody can tell which.
 */
export function placeInHeaders(headers: IncomingHttpHeaders): Place | undefined {
  const present = NETWORKS.filter(({ country }) => headers[country] !== undefined);
  const [names] = present;
  return present.length === 1 && names ? placeNamed(headers, names) : undefined;
}

function placeNamed(headers: IncomingHttpHeaders, names: HeaderNames): Place | undefined {
  const read = (name: string | undefined): string | undefined =>
    name === undefined ? undefined : nameIn(headers[name]);
  const country = countryCode(read(names.country));
  // Without a country that there is, such as with Cloudflare's T1 (Tor), the rest means nothing.
  return country === undefined
    ? undefined
    : placeOf({
        country,
        region: read(names.region),
        region_name: read(names.region_name),
        city: read(names.city),
        postal_code: read(names.postal_code),
        latitude: numberIn(read(names.latitude), -90, 90),
        longitude: numberIn(read(names.longitude), -180, 180),
        timezone: read(names.timezone),
        asn: numberIn(read(names.asn), 1, MAX_ASN),
      });
}

/** Some of them escape what is not ASCII. */
function nameIn(header: string | string[] | undefined): string | undefined {
  const text = headerText(String(header ?? '')).trim();
  if (text === '') {
    return undefined;
  }
  const name = unescaped(text);
  return CONTROL_CHARACTER.test(name) ? undefined : name.slice(0, MAX_NAME_LENGTH);
}

function numberIn(text: string | undefined, min: number, max: number): number | undefined {
  const number = Number(text ?? Number.NaN);
  return number >= min && number <= max ? number : undefined;
}
