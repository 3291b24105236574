import { readFile, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until, Workplace } from '../support/servers/collector.js';
import { SigningClient } from '../support/servers/signing-client.js';

const page = await readFile('docs/migrating.md', 'utf8');
const [, block = ''] = /^```sh\n# \.env\n(.*?)^```$/ms.exec(page) ?? [];
const given = Object.fromEntries(
  [...block.matchAll(/^([A-Z_]+)=(.*)$/gm)].map(([, name, value]) => [name, value ?? '']),
);
/** Names in the first column of a table. */
const namesIn = (table: string): string[] =>
  [...table.matchAll(/^\| (`[^|]*)\|/gm)].flatMap(
    ([, cell = '']) => cell.match(/[A-Z_]{4,}/g) ?? [],
  );
const [explained = '', refused = ''] = page
  .slice(page.indexOf('## Variables'), page.indexOf('## The proxy mode'))
  .split('### What refuses the start');

let workplace: Workplace;
beforeEach(async () => {
  workplace = await Workplace.create();
  await writeFile(workplace.path('.env'), block);
});
afterEach(() => workplace.remove());

describe("the Go service's environment file, as docs/migrating.md shows it", () => {
  it('is explained line by line', () => {
    expect(Object.keys(given).length).toBeGreaterThan(20);
    expect(namesIn(explained).toSorted()).toEqual(Object.keys(given).toSorted());
  });

  it('is sound, all of it is read, and each warning is announced', async () => {
    const unset = { SERVER_ADDR: '', METRICS_ENABLED: '', METRICS_ADDR: '' };
    const { exitCode, stdout, stderr } = await workplace.run(['check-config'], unset);
    expect(exitCode).toBe(0);
    expect(stdout.trimEnd()).toMatch(/\nOK$/);
    const fromFile = new Set(
      stdout
        .split('\n')
        .filter((line) => line.trimEnd().endsWith('.env'))
        .map((line) => line.split(/ +/)[1]),
    );
    expect(Object.keys(given).filter((name) => !fromFile.has(name))).toEqual([]);
    const warned = [...stderr.matchAll(/warning: .*?([A-Z]+_[A-Z_]+)/g)].map(([, name]) => name);
    expect(new Set(warned)).toEqual(new Set(['TRUST_PROXY', 'HMAC_PUBLIC_KEY']));
  });

  it('starts a collector that takes what the client of the Go service signs', async () => {
    const collector = await workplace.start();
    const client = new SigningClient(collector.port);
    const body = '{"type":"pageview"}';
    expect(await client.post('/landing', body)).toMatchObject({ status: 401 });
    client.embedKey(given['HMAC_SECRET'] ?? '');
    expect(await client.post('/landing', body)).toMatchObject({ status: 202 });
    await collector.drained('log');
    await until(async () => (await workplace.logged()).length === 1);
    const [event] = await workplace.logged();
    expect(event).toMatchObject({ server: { ip_hash: expect.any(String) } });
  });

  it.each([
    [{ HMAC_SECRET: 'short' }, 'HMAC_SECRET'],
    [{ KAFKA_ACKS: '1' }, 'KAFKA_ACKS'],
    [{ KAFKA_TLS: 'false' }, 'KAFKA_TLS'],
    [{ METRICS_ADDR: ':9090' }, 'METRICS_ADDR'],
    [{ TEST_MODE: 'true' }, 'TEST_MODE'],
  ])('warns as the page says: %j', async (environment, name) => {
    const { exitCode, stderr } = await workplace.run(['check-config'], environment);
    expect(exitCode).toBe(0);
    expect(stderr).toMatch(new RegExp(`warning: .*\\b${name}\\b`));
  });

  it.each(namesIn(refused))('does not start with %s, and says why', async (name) => {
    const value = name.startsWith('METRICS') ? 'true' : 'http://localhost:3000';
    const { exitCode, stderr } = await workplace.run(['check-config'], { [name]: value });
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(new RegExp(`${name}: .*unset it`));
  });

  it.each([
    [{ OUTPUTS: 'log,kafak' }, 'OUTPUTS'],
    [{ METRICS_REQUIRE_TLS: 'true' }, 'METRICS_REQUIRE_TLS'],
    [{ METRICS_TLS_CERT: 'a.crt' }, 'METRICS_TLS_CERT|METRICS_TLS_KEY'],
    [{ MAX_BODY_BYTES: 'many' }, 'MAX_BODY_BYTES'],
    [{ METRICS_ENABLE: 'true' }, 'METRICS_ENABLE'],
  ])('does not start either with %j', async (environment, name) => {
    const { exitCode, stderr } = await workplace.run(['check-config'], environment);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(new RegExp(name));
  });
});
