import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { RecordingObserver } from '../../../test/support/fakes/recording-observer.js';
import { mmdbOf } from '../../../test/support/mmdb.js';
import type { RequestFacts } from '../request-facts.js';
import { ClientPlace } from './client-place.js';
import { GeoOptions } from './places/geo.options.js';
import { Places } from './places/places.js';

const facts: RequestFacts = { receivedAtMs: 0, headers: {}, query: '', address: '192.0.2.9' };
const record = { country: { iso_code: 'DE' }, city: { names: { en: 'Munich' } } };

describe('ClientPlace', () => {
  let bytes: Buffer;

  beforeAll(() => {
    bytes = mmdbOf({ networks: { '192.0.2.0/24': record } });
  });

  async function step(database?: string): Promise<ClientPlace> {
    const directory = await mkdtemp(join(tmpdir(), 'gotrack-place-'));
    const path = join(directory, 'db');
    await writeFile(path, bytes);
    const options = Object.assign(new GeoOptions(), { databases: [database ?? path] });
    const places = await Places.open(options, new RecordingObserver());
    onTestFinished(() => {
      places.onModuleDestroy();
      return rm(directory, { recursive: true });
    });
    return new ClientPlace(places);
  }

  it('looks up the address', async () => {
    const { server } = (await step()).ofRequest(facts, {}) ?? {};
    expect(server).toEqual({ geo: { country: 'DE', city: 'Munich' } });
  });

  it('adds nothing for an address that nobody knows, and without one', async () => {
    const place = await step();
    expect(place.ofRequest({ ...facts, address: '198.51.100.1' }, {})).toBeUndefined();
    expect(place.ofRequest({ ...facts, address: undefined }, {})).toBeUndefined();
  });

  it('keeps the country alone of a visitor who asks not to be tracked', async () => {
    const place = await step();
    expect(place.ofRequest(facts, { anonymous: true })).toEqual({
      server: { geo: { country: 'DE' } },
    });
    expect(place.ofRequest({ ...facts, address: '::1' }, { anonymous: true })).toBeUndefined();
  });

  it('believes the headers of a network that comes through a trusted proxy, and of nobody else', async () => {
    const place = await step();
    const headers = { 'cf-ipcountry': 'FR', 'cf-ipcity': 'Paris' };
    const geo = (more: Partial<RequestFacts>) =>
      place.ofRequest({ ...facts, headers, ...more }, {})?.server?.['geo'];
    expect(geo({ viaTrustedProxy: true })).toEqual({ country: 'FR', city: 'Paris' });
    expect(geo({})).toEqual({ country: 'DE', city: 'Munich' });
    expect(geo({ viaTrustedProxy: true, headers: { 'cf-ipcountry': 'DE' } })).toEqual({
      country: 'DE',
      city: 'Munich',
    });
  });

  it('adds nothing when it is off, whatever the headers say', async () => {
    const headers = { 'cf-ipcountry': 'FR' };
    const off = await step('off');
    expect(off.ofRequest({ ...facts, headers, viaTrustedProxy: true }, {})).toBeUndefined();
  });
});
