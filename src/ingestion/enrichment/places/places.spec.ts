import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { RecordingObserver } from '../../../../test/support/fakes/recording-observer.js';
import { mmdbOf } from '../../../../test/support/mmdb.js';
import type { PlaceStats } from '../../../metrics/pipeline-observer.js';
import { GeoOptions } from './geo.options.js';
import { databaseFaults } from './mmdb-file.js';
import { Places } from './places.js';

const germany = mmdbOf({
  networks: {
    '192.0.2.0/24': { country_code: 'DE' },
    '2001:db8::/32': { country_code: 'AT' },
  },
  builtAt: new Date('2026-01-02T03:04:05Z'),
});

function optionsOf(...databases: string[]): GeoOptions {
  return Object.assign(new GeoOptions(), { databases });
}

function filesOf(contents: Readonly<Record<string, Buffer>>): (name: string) => string {
  const directory = mkdtempSync(join(tmpdir(), 'gotrack-places-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  for (const [name, content] of Object.entries(contents)) {
    writeFileSync(join(directory, name), content);
  }
  return (name) => join(directory, name);
}

async function open(...databases: string[]) {
  const observer = new RecordingObserver();
  const places = await Places.open(optionsOf(...databases), observer);
  onTestFinished(() => places.onModuleDestroy());
  const [ask] = observer.of('placesOpened')[0] ?? [];
  return { places, stats: ask as (() => PlaceStats) | undefined };
}

describe('Places', () => {
  it('finds the country of both families in the database that comes along', async () => {
    const { places } = await open('builtin');
    expect(places.find('8.8.8.8')).toEqual({ country: 'US' });
    expect(places.find('::ffff:8.8.8.8')).toEqual({ country: 'US' });
    expect(places.find('::ffff:808:808')).toEqual({ country: 'US' });
    expect(places.find('2001:4860:4860::8888')).toEqual({ country: 'US' });
    expect(places.find('127.0.0.1')).toBeUndefined();
    expect(places.find('nonsense')).toBeUndefined();
  });

  it('is off without a database, and says so to nobody', async () => {
    const { places, stats } = await open('off');
    expect([places.isOn, places.find('8.8.8.8'), stats]).toEqual([false, undefined, undefined]);
  });

  it('joins what several databases know, of which one has IPv4 only', async () => {
    const path = filesOf({
      countries: germany,
      asn: mmdbOf({
        ipVersion: 4,
        networks: { '128.0.0.0/1': { autonomous_system_number: 64_500 } },
      }),
    });
    const { places, stats } = await open(path('countries'), path('asn'));
    expect(places.find('192.0.2.9')).toEqual({ country: 'DE', asn: 64_500 });
    expect(places.find('2001:db8::1')).toEqual({ country: 'AT' });
    expect(places.find('198.51.100.1')).toEqual({ asn: 64_500 });
    expect(stats?.()).toEqual({
      builtAt: new Date('2026-01-02T00:00:00Z'),
      lastReloadSuccessful: true,
    });
  });

  it('takes a file that is replaced, and keeps what it has for one that is broken', async () => {
    const path = filesOf({ db: germany });
    const { places, stats } = await open(path('db'));
    expect(places.find('192.0.2.9')).toEqual({ country: 'DE' });

    await writeFile(path('new'), mmdbOf({ networks: { '192.0.2.0/24': { country_code: 'FR' } } }));
    await rename(path('new'), path('db'));
    await expect.poll(() => places.find('192.0.2.9')).toEqual({ country: 'FR' });
    expect(stats?.().lastReloadSuccessful).toBe(true);

    await writeFile(path('db'), germany.subarray(0, 100));
    await expect.poll(() => stats?.().lastReloadSuccessful).toBe(false);
    expect(places.find('192.0.2.9')).toEqual({ country: 'FR' });

    await rm(path('db'));
    await writeFile(path('db'), germany);
    await expect.poll(() => places.find('192.0.2.9')).toEqual({ country: 'DE' });
    expect(stats?.()).toEqual({
      builtAt: new Date('2026-01-02T03:04:05Z'),
      lastReloadSuccessful: true,
    });
  });

  it.each([
    ['is not there', undefined, 'cannot be read'],
    ['is no database', Buffer.from('country,code\n'), 'no whole MMDB database'],
    ['is empty', Buffer.alloc(0), 'no whole MMDB database'],
    ['has lost its beginning', germany.subarray(400), 'no whole MMDB database'],
    ['has lost its end', germany.subarray(0, -100), 'no whole MMDB database'],
  ])('does not begin with a file that %s', async (_, content, reason) => {
    const path = filesOf(content ? { db: content } : {});
    await expect(open('builtin', path('db'))).rejects.toThrow(/^GEOIP_DB names a file that/);
    await expect(open(path('db'))).rejects.toThrow(reason);
  });
});

describe('databaseFaults', () => {
  it('says what cannot be used before the start', () => {
    const path = filesOf({ db: germany, csv: Buffer.from('country,code\n') });
    expect(databaseFaults(optionsOf('builtin', path('db')))).toEqual([]);
    expect(databaseFaults(optionsOf('off'))).toEqual([]);
    const faults = databaseFaults(optionsOf(path('csv'), path('none'), path('.')));
    expect(faults.map(({ name }) => name)).toEqual(['GEOIP_DB', 'GEOIP_DB', 'GEOIP_DB']);
    expect(faults.map(({ reason }) => reason)).toEqual([
      expect.stringContaining('no whole MMDB database'),
      expect.stringContaining('cannot be read'),
      expect.stringContaining('cannot be read'),
    ]);
  });
});
