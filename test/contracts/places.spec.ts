import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ipaddr from 'ipaddr.js';
import { describe, expect, it, onTestFinished } from 'vitest';
import { GeoOptions } from '../../src/ingestion/enrichment/places/geo.options.js';
import { pathOfDatabase } from '../../src/ingestion/enrichment/places/mmdb-file.js';
import type { Place } from '../../src/ingestion/enrichment/places/place.js';
import { Places } from '../../src/ingestion/enrichment/places/places.js';
import { RecordingObserver } from '../support/fakes/recording-observer.js';
import { mmdbOf } from '../support/mmdb.js';
import { type MmdbReader, pythonMmdbReader } from '../support/servers/python-maxminddb.js';

const COUNT = 10_000;
const found = pythonMmdbReader();

async function open(databases: readonly string[]): Promise<Places> {
  const options = Object.assign(new GeoOptions(), { databases });
  const places = await Places.open(options, new RecordingObserver());
  onTestFinished(() => places.onModuleDestroy());
  return places;
}

const repeat = (make: () => string): string[] => Array.from({ length: COUNT }, make);
const ipv4 = (): string => randomBytes(4).join('.');
/** Nearly all of the space of IPv6 belongs to nobody: these begin as those that somebody has. */
function ipv6(): string {
  const bytes = randomBytes(16);
  bytes[0] = [0x20, 0x24, 0x26, 0x28, 0x2a, 0x2c][(bytes[0] ?? 0) % 6] ?? 0x20;
  bytes[1] = (bytes[1] ?? 0) % 0x11;
  return ipaddr.fromByteArray([...bytes]).toString();
}
/** In either way of writing. */
function mapped(address: string, index: number): string {
  const text = `::ffff:${address}`;
  return index % 2 === 0 ? text : ipaddr.parse(text).toString();
}

describe.skipIf(!found)("with Python's maxminddb", () => {
  const python = found as MmdbReader;

  const countries = (places: Places, addresses: readonly string[]): (string | undefined)[] =>
    addresses.map((address) => places.find(address)?.country);
  const countriesOfPython = (addresses: readonly string[]): (string | undefined)[] =>
    python
      .records(pathOfDatabase('builtin'), addresses)
      .map((record) => (record as { country_code: string } | null)?.country_code);

  it.each([
    ['IPv4', ipv4],
    ['IPv6', ipv6],
  ])(`the countries of ${COUNT} addresses of %s agree`, async (_, make) => {
    const places = await open(['builtin']);
    const addresses = repeat(make);
    const expected = countriesOfPython(addresses);
    expect(expected.filter((country) => country !== undefined).length).toBeGreaterThan(COUNT / 20);
    expect(countries(places, addresses)).toEqual(expected);
  });

  it(`the countries of ${COUNT} mapped addresses are those of their IPv4 addresses`, async () => {
    const places = await open(['builtin']);
    const addresses = repeat(ipv4);
    expect(countries(places, addresses.map(mapped))).toEqual(countriesOfPython(addresses));
  });

  it('the cities and networks agree', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'gotrack-mmdb-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    const path = join(directory, 'city.mmdb');
    const record = (id: number): { city: { names: { en: string } } } & Record<string, unknown> => ({
      city: { names: { en: `City ${id}` } },
      country: { iso_code: 'DE' },
      location: { latitude: id + 0.5, longitude: -id - 0.25, time_zone: 'Europe/Berlin' },
      subdivisions: [{ iso_code: `${id}`, names: { en: `Region ${id}` } }],
      autonomous_system_number: id,
      autonomous_system_organization: `Network ${id} of a provider with a longer name`,
    });
    const networks = Object.fromEntries(
      ['10.0.0.0/9', '10.128.0.0/10', '10.192.1.0/24', '2001:db8::/33', '2001:db8:8000::/48'].map(
        (cidr, id) => [cidr, record(id)],
      ),
    );
    await writeFile(path, mmdbOf({ networks: networks as never }));
    const addresses = ['10.1.2.3', '10.130.0.1', '10.192.1.9', '10.192.2.9', '2001:db8::1'];
    addresses.push('2001:db8:8000::9', '2001:db8:8001::9', '::1');
    const places = await open([path]);
    const records = python.records(path, addresses) as (ReturnType<typeof record> | null)[];
    expect(records.filter((each) => each === null)).toHaveLength(3);
    expect(addresses.map((address) => places.find(address)?.city)).toEqual(
      records.map((each) => each?.city.names.en),
    );
    expect(places.find('2001:db8:8000::9')).toEqual({
      country: 'DE',
      region: '4',
      region_name: 'Region 4',
      city: 'City 4',
      latitude: 4.5,
      longitude: -4.25,
      timezone: 'Europe/Berlin',
      asn: 4,
      as_org: 'Network 4 of a provider with a longer name',
    } satisfies Place);
  });
});
