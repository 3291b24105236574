import { describe, expect, it } from 'vitest';
import { joinedPlace } from './place.js';

const network = { asn: 3320, as_org: 'DTAG' };
const munich = { country: 'DE', city: 'Munich', latitude: 48.1, longitude: 11.6 };

describe('joinedPlace', () => {
  it.each([
    ['nothing and nothing', undefined, undefined, undefined],
    ['nothing and a place', undefined, munich, munich],
    ['a place and nothing', munich, undefined, munich],
    ['a country and its details', { country: 'DE' }, munich, munich],
    ['a network and a place', network, munich, { ...munich, ...network }],
    ['a place and a network', munich, network, { ...munich, ...network }],
    ['two networks', { asn: 1 }, network, { ...network, asn: 1 }],
    ['a country and details of another', { country: 'AT' }, munich, { country: 'AT' }],
    [
      'a country and another, with its network',
      { country: 'AT' },
      { ...munich, ...network },
      { country: 'AT', ...network },
    ],
    [
      'two cities of a country',
      { country: 'DE', city: 'Berlin' },
      munich,
      { country: 'DE', city: 'Berlin' },
    ],
  ])('makes one place of %s', (_, first, second, joined) => {
    expect(joinedPlace(first, second)).toEqual(joined);
  });
});
