import { cp, copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Collector, until, Workplace } from '../support/servers/collector.js';
import { readDashboards } from '../support/servers/monitoring-files.js';
import {
  findPrometheus,
  Prometheus,
  type PrometheusPrograms,
  type QuerySample,
} from '../support/servers/prometheus.js';
import { replaceFile } from '../support/servers/replace-file.js';
import {
  canCreateCertificates,
  CertificateAuthority,
  type ServerCertificate,
} from '../support/servers/server-certificate.js';

const NOT_AFTER =
  'gotrack_tls_certificate_not_after_timestamp_seconds{job="gotrack",server="metrics"}';
const RELOADED = 'gotrack_tls_last_reload_successful{job="gotrack",server="metrics"}';

const programs = findPrometheus();

describe.skipIf(!programs || !canCreateCertificates())('a Prometheus with certificates', () => {
  let workplace: Workplace;
  let collector: Collector;
  let prometheus: Prometheus;
  let authority: CertificateAuthority;
  let stranger: CertificateAuthority;
  /** Where METRICS_CLIENT_CA points. */
  let trusted: string;
  /** Where METRICS_TLS_CERT and METRICS_TLS_KEY point. */
  let served: ServerCertificate;

  /** Once there is one: a scrape that came too late leaves none behind. */
  const value = async (expression: string): Promise<number> => {
    let found: QuerySample | undefined;
    await until(async () => (found = (await prometheus.query(expression))[0]) !== undefined);
    return Number(found?.value[1]);
  };

  function serve({ cert, key }: ServerCertificate): void {
    replaceFile(served.cert, cert);
    replaceFile(served.key, key);
  }

  /** Until a scrape that began after the call has succeeded. */
  async function scrapedAgain(): Promise<void> {
    const now = Date.now() / 1000;
    const succeeded = 'timestamp(up{job="gotrack"}) and up{job="gotrack"} == 1';
    await until(async () => (await value(succeeded)) > now);
  }

  /** The shipped file beside its certificates, with another target, other intervals, and strangers. */
  async function configure(): Promise<string> {
    const directory = workplace.path('prometheus');
    await cp('config/prometheus', directory, { recursive: true });
    await mkdir(`${directory}/tls`);
    const client = authority.issue('client');
    const strange = stranger.issue('client');
    for (const [from, to] of [
      [authority.cert, 'ca.crt'],
      [client.cert, 'client.crt'],
      [client.key, 'client.key'],
      [strange.cert, 'stranger.crt'],
      [strange.key, 'stranger.key'],
    ] as const) {
      await copyFile(from, `${directory}/tls/${to}`);
    }
    const target = `static_configs: [{ targets: ['${new URL(collector.metricsUrl).host}'] }]`;
    const shipped = await readFile(`${directory}/prometheus-tls.yml`, 'utf8');
    const configured = shipped
      .replaceAll('_interval: 15s', '_interval: 1s')
      .replace(/static_configs:\n\s+- targets: \['gotrack:9090'\]/, target).concat(`
  - job_name: without-certificate
    scheme: https
    tls_config: { ca_file: tls/ca.crt }
    ${target}
  - job_name: of-another-authority
    scheme: https
    tls_config: { ca_file: tls/ca.crt, cert_file: tls/stranger.crt, key_file: tls/stranger.key }
    ${target}
`);
    await writeFile(`${directory}/gotrack.yml`, configured);
    return `${directory}/gotrack.yml`;
  }

  beforeAll(async () => {
    workplace = await Workplace.create();
    authority = new CertificateAuthority(workplace.directory, 'authority');
    stranger = new CertificateAuthority(workplace.directory, 'stranger');
    trusted = workplace.path('trusted.crt');
    await copyFile(authority.cert, trusted);
    served = { cert: workplace.path('served.crt'), key: workplace.path('served.key') };
    serve(authority.issue('server', { days: 20 }));
    collector = await workplace.start({
      METRICS_TLS_CERT: served.cert,
      METRICS_TLS_KEY: served.key,
      METRICS_CLIENT_CA: trusted,
    });
    prometheus = await Prometheus.start(
      programs as PrometheusPrograms,
      await configure(),
      workplace.directory,
    );
    await scrapedAgain();
  });

  afterAll(async () => {
    await prometheus?.stop();
    await workplace?.remove();
  });

  it('is served, and nobody else', async () => {
    const strangers = ['without-certificate', 'of-another-authority'];
    for (const job of strangers) {
      await until(async () => (await value(`count_over_time(up{job="${job}"}[1h])`)) >= 3);
      expect(await value(`max_over_time(up{job="${job}"}[1h])`)).toBe(0);
      expect(await value(`max_over_time(scrape_samples_scraped{job="${job}"}[1h])`)).toBe(0);
    }
    // Each scrape tells of those before it.
    await scrapedAgain();
    expect(
      await prometheus.query(
        'sum(promhttp_metric_handler_requests_total) < scalar(count_over_time(up{job="gotrack"}[1h]))',
      ),
    ).toHaveLength(1);
  });

  it('has what dashboards ask about certificates', async () => {
    const panels = [...(await readDashboards()).values()].flatMap((dashboard) => dashboard.panels);
    const asked = panels
      .flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
      .filter((expression) => expression.includes('gotrack_tls_'));
    expect(asked.length).toBeGreaterThan(1);
    for (const expression of asked) {
      const chosen = expression.replaceAll(/\$(?:job|instance)\b/g, '.+');
      await until(async () => (await prometheus.query(chosen)).length > 0);
    }
  });

  it('is served the new certificate after it was replaced', async () => {
    const before = await value(NOT_AFTER);
    serve(authority.issue('server', { days: 40 }));
    await until(async () => (await value(NOT_AFTER)) > before);
    await scrapedAgain();
    expect(await value(RELOADED)).toBe(1);
  });

  it('is served the certificate from before while the new one is broken, and an alert says so', async () => {
    const before = await value(NOT_AFTER);
    const fixed = authority.issue('fixed', { days: 60 });
    await writeFile(served.cert, 'garbage');
    await until(async () => (await value(RELOADED)) === 0);
    await scrapedAgain();
    expect(await value(NOT_AFTER)).toBe(before);
    await until(async () => {
      const alert = (await prometheus.rules()).find(
        ({ name }) => name === 'GoTrackCertificateReloadFailed',
      );
      return alert?.alerts?.length === 1;
    });

    serve(fixed);
    await until(async () => (await value(RELOADED)) === 1);
    expect(await value(NOT_AFTER)).toBeGreaterThan(before);
  });

  it('is let in for as long as its authority is trusted', async () => {
    const up = (job: string): Promise<number> => value(`up{job="${job}"}`);
    const [own, other] = [await readFile(authority.cert), await readFile(stranger.cert)];
    await writeFile(trusted, other);
    await until(async () => (await up('of-another-authority')) === 1);
    await until(async () => (await up('gotrack')) === 0);
    await writeFile(trusted, Buffer.concat([other, own]));
    await scrapedAgain();
    await until(async () => (await up('of-another-authority')) === 1);
    expect(await value('max_over_time(up{job="without-certificate"}[1h])')).toBe(0);
  });
});
