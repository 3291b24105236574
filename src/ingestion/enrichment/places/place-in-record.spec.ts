import { describe, expect, it } from 'vitest';
import { placeInRecord } from './place-in-record.js';

/** As GeoLite2-City has it. */
const geoLite = {
  city: { geoname_id: 2_867_714, names: { de: 'München', en: 'Munich' } },
  continent: { code: 'EU', names: { en: 'Europe' } },
  country: { iso_code: 'DE', names: { en: 'Germany' } },
  location: {
    accuracy_radius: 20,
    latitude: 48.1371,
    longitude: 11.5754,
    time_zone: 'Europe/Berlin',
  },
  postal: { code: '80331' },
  registered_country: { iso_code: 'AT' },
  subdivisions: [
    { iso_code: 'BY', names: { en: 'Bavaria' } },
    { iso_code: 'X', names: { en: 'Upper Bavaria' } },
  ],
};

describe('placeInRecord', () => {
  it('reads the country of the database that comes with GoTrack', () => {
    expect(placeInRecord({ country_code: 'US' })).toEqual({ country: 'US' });
  });

  it('reads a city of GeoLite', () => {
    expect(placeInRecord(geoLite)).toEqual({
      country: 'DE',
      region: 'BY',
      region_name: 'Bavaria',
      city: 'Munich',
      postal_code: '80331',
      latitude: 48.1371,
      longitude: 11.5754,
      timezone: 'Europe/Berlin',
    });
  });

  it('reads a city of DB-IP, whose regions have no code', () => {
    const { city, country, continent } = geoLite;
    const subdivisions = [{ names: { en: 'Bavaria' } }];
    const location = { latitude: 48.1371, longitude: 11.5754 };
    expect(placeInRecord({ city, continent, country, location, subdivisions })).toEqual({
      country: 'DE',
      region_name: 'Bavaria',
      city: 'Munich',
      latitude: 48.1371,
      longitude: 11.5754,
    });
  });

  it('reads a network', () => {
    const record = { autonomous_system_number: 15_169, autonomous_system_organization: 'GOOGLE' };
    expect(placeInRecord(record)).toEqual({ asn: 15_169, as_org: 'GOOGLE' });
  });

  it.each([
    [null],
    ['DE'],
    [{}],
    [{ country_code: '-' }],
    [{ country: 'DE' }],
    [{ country: { iso_code: 'ZZ' }, city: { names: { de: 'München' } } }],
    [{ subdivisions: {}, location: [], postal: { code: 7 }, city: null }],
    [{ registered_country: { iso_code: 'DE' } }],
  ])('finds no place in %j', (record) => {
    expect(placeInRecord(record)).toBeUndefined();
  });
});
