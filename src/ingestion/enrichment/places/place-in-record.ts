import { type Fields, isFields } from '../../../event/fields.js';
import { countryCode } from './countries.js';
import { type Place, placeOf } from './place.js';

/**
 * The place in a record of a database: of the flat ones with a `country_code`, or in the form of GeoLite, which DB-IP
 * has, too. A field of another form than expected counts as missing.
 */
export function placeInRecord(record: unknown): Place | undefined {
  if (!isFields(record)) {
    return undefined;
  }
  const { country_code: flat } = record;
  if (flat !== undefined) {
    return placeOf({ country: countryCode(flat), ...networkIn(record) });
  }
  const region = firstOf(record['subdivisions']);
  const location = groupIn(record, 'location');
  return placeOf({
    country: countryCode(groupIn(record, 'country')?.['iso_code']),
    region: text(region?.['iso_code']),
    region_name: englishName(region),
    city: englishName(groupIn(record, 'city')),
    postal_code: text(groupIn(record, 'postal')?.['code']),
    latitude: degrees(location?.['latitude']),
    longitude: degrees(location?.['longitude']),
    timezone: text(location?.['time_zone']),
    ...networkIn(record),
  });
}

function networkIn(record: Fields): Pick<Parameters<typeof placeOf>[0], 'asn' | 'as_org'> {
  const asn = record['autonomous_system_number'];
  return typeof asn === 'number'
    ? { asn, as_org: text(record['autonomous_system_organization']) }
    : {};
}

function groupIn(record: Fields, name: string): Fields | undefined {
  const group = record[name];
  return isFields(group) ? group : undefined;
}

/** The largest one: a state, not its district. */
function firstOf(subdivisions: unknown): Fields | undefined {
  const first: unknown = Array.isArray(subdivisions) ? subdivisions[0] : undefined;
  return isFields(first) ? first : undefined;
}

function englishName(named: Fields | undefined): string | undefined {
  return named && text(groupIn(named, 'names')?.['en']);
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function degrees(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}
