import { writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { filesHolding } from '../support/disk/files-holding.js';
import { mmdbOf } from '../support/mmdb.js';
import { type Collector, until, Workplace } from '../support/servers/collector.js';
import { replaceFile } from '../support/servers/replace-file.js';

/** Those of other networks are the same to this test: each is read by its own spec. */
const GEO_HEADERS = {
  'CF-IPCountry': 'FR',
  'CF-IPCity': 'Paris',
  'CF-Region-Code': 'IDF',
};
const SPOOFED = [
  GEO_HEADERS,
  { 'CloudFront-Viewer-Country': 'FR', 'CloudFront-Viewer-City': 'Paris' },
  { 'X-Vercel-IP-Country': 'FR', 'X-Vercel-IP-City': 'Paris' },
  { 'Fastly-Geo-Country': 'FR', 'Fastly-Geo-City': 'Paris' },
  { 'Fastly-Geo-Country-Code': 'FR', 'Fastly-Geo-City': 'Paris' },
  // Those that say what the address is, and not whose.
  { 'CF-Connecting-IP': '192.0.2.1', 'True-Client-IP': '192.0.2.1', 'X-Real-IP': '192.0.2.1' },
];

let workplace: Workplace;

beforeEach(async () => {
  workplace = await Workplace.create();
});

afterEach(() => workplace.remove());

async function view(collector: Collector, headers: Record<string, string> = {}): Promise<void> {
  const response = await fetch(`${collector.url}/px.gif`, { headers });
  await response.arrayBuffer();
  expect(response.status).toBe(200);
}

/** `server.geo` of each event, in order. */
async function places(collector: Collector): Promise<unknown[]> {
  await collector.drained();
  return (await workplace.logged()).map(({ server }) => (server as { geo?: object }).geo);
}

it('finds the country of the client, and stores the address in no file', async () => {
  const addresses = ['81.2.69.142', '2a02:8108:9640:1234:5678:9abc:def0:1234'];
  const collector = await workplace.start({ TRUST_PROXY: '127.0.0.1', LOG_LEVEL: 'debug' });
  for (const address of addresses) {
    await view(collector, { 'X-Forwarded-For': address });
    // What is rejected is kept, too.
    const rejected = await fetch(`${collector.url}/collect`, {
      method: 'POST',
      headers: { 'X-Forwarded-For': address, 'content-type': 'application/json' },
      body: '[{"type":7},{"type":"x"}]',
    });
    expect(await rejected.json()).toMatchObject({ status: 'partial' });
  }
  await view(collector, { 'X-Forwarded-For': '::ffff:81.2.69.142' });
  const [gb, de] = [{ country: 'GB' }, { country: 'DE' }];
  expect(await places(collector)).toEqual([gb, gb, de, de, gb]);
  const count = (country: string): Promise<number> =>
    collector.metric('gotrack_events_by_country_total', { country });
  expect(await Promise.all(['GB', 'DE', 'none'].map(count))).toEqual([3, 2, 0]);
  await collector.stop();

  const { looked, holding } = await filesHolding(workplace.directory, addresses);
  expect(looked).toBeGreaterThan(5);
  expect(holding).toEqual([]);
  expect(collector.log.filter((line) => addresses.some((each) => line.includes(each)))).toEqual([]);
});

it('changes nothing for the headers of a network when they come from nobody that is trusted', async () => {
  await writeFile(
    workplace.path('db'),
    mmdbOf({ networks: { '127.0.0.0/8': { country_code: 'DE' } } }),
  );
  const collector = await workplace.start({
    GEOIP_DB: workplace.path('db'),
    TRUST_PROXY: '192.0.2.0/24',
    BOTS: 'off',
  });
  await view(collector);
  for (const headers of SPOOFED) {
    await view(collector, { ...headers, 'X-Forwarded-For': '192.0.2.1' });
  }
  await collector.drained();
  const [plain, ...spoofed] = (await workplace.logged()).map(({ server }) => server);
  expect(plain).toEqual({ ip: '127.0.0.0', geo: { country: 'DE' } });
  expect(spoofed).toEqual(SPOOFED.map(() => plain));
});

it('takes the place from the headers of a network behind a trusted proxy', async () => {
  const collector = await workplace.start({ TRUST_PROXY: '127.0.0.1' });
  const headers = { ...GEO_HEADERS, 'X-Forwarded-For': '81.2.69.142' };
  await view(collector, headers);
  await view(collector, { ...headers, DNT: '1' });
  await view(collector, { 'X-Forwarded-For': '81.2.69.142', 'Sec-GPC': '1' });
  const paris = { country: 'FR', region: 'IDF', city: 'Paris' };
  expect(await places(collector)).toEqual([paris, { country: 'FR' }, { country: 'GB' }]);
});

it('finds no place when it is told not to', async () => {
  const collector = await workplace.start({ TRUST_PROXY: '127.0.0.1', GEOIP_DB: 'off' });
  await view(collector, { ...GEO_HEADERS, 'X-Forwarded-For': '81.2.69.142' });
  expect(await places(collector)).toEqual([undefined]);
  const names = (await collector.metrics()).map(({ name }) => name);
  expect(names.filter((name) => /geo|country/.test(name))).toEqual([]);
});

it('takes a database that is replaced, and keeps the one before a broken one', async () => {
  const path = workplace.path('db');
  const write = (name: string, country: string): Promise<void> =>
    writeFile(
      workplace.path(name),
      mmdbOf({
        networks: { '127.0.0.0/8': { country: { iso_code: country } } },
        builtAt: new Date(name === 'db' ? 1e12 : 2e12),
      }),
    );
  await write('db', 'DE');
  const collector = await workplace.start({ GEOIP_DB: path });
  const built = (): Promise<number> =>
    collector.metric('gotrack_geo_database_build_timestamp_seconds');
  const reloaded = (): Promise<number> =>
    collector.metric('gotrack_geo_database_last_reload_successful');
  await view(collector);
  expect([await built(), await reloaded()]).toEqual([1e9, 1]);

  await write('new', 'FR');
  replaceFile(path, workplace.path('new'));
  await until(async () => (await built()) === 2e9);
  await view(collector);

  await writeFile(path, 'no database');
  await until(async () => (await reloaded()) === 0);
  expect(collector.log.join('\n')).toContain('what it held before stays in use');
  await view(collector);

  await write('db', 'AT');
  await until(async () => (await reloaded()) === 1);
  await view(collector);
  expect(await places(collector)).toEqual(['DE', 'FR', 'FR', 'AT'].map((country) => ({ country })));
});

it.each([
  ['./missing.mmdb', 'GEOIP_DB: names a file that cannot be read'],
  ['builtin,./text', 'GEOIP_DB: names a file that is no whole MMDB database'],
  ['off,builtin', 'GEOIP_DB: must be builtin, off or the path of an MMDB file'],
])('does not start with GEOIP_DB=%s', async (database, reason) => {
  await writeFile(workplace.path('text'), 'no database');
  for (const command of ['serve', 'check-config']) {
    const { exitCode, stderr } = await workplace.run([command], { GEOIP_DB: database });
    expect(exitCode).toBe(1);
    expect(stderr).toContain(reason);
  }
});
