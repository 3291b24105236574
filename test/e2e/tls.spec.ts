import { once } from 'node:events';
import {
  copyFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { Agent } from 'node:https';
import { connect, type ConnectionOptions } from 'node:tls';
import { X509Certificate } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Collector, sumOf, until, Workplace } from '../support/servers/collector.js';
import { Load } from '../support/load/load.js';
import { parseMetrics } from '../support/servers/parse-metrics.js';
import { RawConnection } from '../support/servers/raw-http.js';
import { replaceFile } from '../support/servers/replace-file.js';
import {
  CertificateAuthority,
  type ServerCertificate,
} from '../support/servers/server-certificate.js';
import { shutDownUnderLoad } from '../support/load/shut-down-under-load.js';
import {
  answerTo,
  as,
  ask,
  fingerprintOf,
  handshake,
  type Reply,
} from '../support/servers/tls-client.js';

const TOKEN = 'a-token-that-nobody-may-see';
const SCRAPE = 'GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';

let workplace: Workplace;
let authority: CertificateAuthority;
let first: ServerCertificate;
let second: ServerCertificate;

beforeEach(async () => {
  workplace = await Workplace.create();
  authority = new CertificateAuthority(workplace.directory, 'authority');
  first = authority.issue('first');
  second = authority.issue('second', { days: 5 });
});

afterEach(() => workplace.remove());

/** A path that the program is given, and whose file is replaced under it. */
class Replaceable {
  readonly path: string;

  constructor(name: string, source: string) {
    this.path = workplace.path(name);
    copyFileSync(source, this.path);
  }

  become(source: string): void {
    replaceFile(this.path, source);
  }

  hold(text: string): void {
    writeFileSync(this.path, text);
  }
}

class ReplaceablePair {
  readonly cert = new Replaceable('tls.crt', first.cert);
  readonly key = new Replaceable('tls.key', first.key);

  become({ cert, key }: ServerCertificate): void {
    this.cert.become(cert);
    this.key.become(key);
  }

  get forMetrics(): Record<string, string> {
    return { METRICS_TLS_CERT: this.cert.path, METRICS_TLS_KEY: this.key.path };
  }

  get forCollector(): Record<string, string> {
    return { ENABLE_HTTPS: 'true', SSL_CERT_FILE: this.cert.path, SSL_KEY_FILE: this.key.path };
  }
}

function ca(): Buffer {
  return readFileSync(authority.cert);
}

/** Where the metrics are, for one that speaks TLS there. */
function metricsPort(program: Collector): number {
  return Number(new URL(program.metricsUrl).port);
}

function scrape(program: Collector, options: ConnectionOptions = {}): Promise<Reply> {
  return ask(metricsPort(program), '/metrics', { ca: ca(), ...options });
}

async function gauge(program: Collector, name: string, server = 'metrics'): Promise<number> {
  return sumOf(parseMetrics((await scrape(program)).body), name, { server });
}

const LAST_RELOAD = 'gotrack_tls_last_reload_successful';
const NOT_AFTER = 'gotrack_tls_certificate_not_after_timestamp_seconds';

function notAfterOf({ cert }: ServerCertificate): number {
  return new X509Certificate(readFileSync(cert)).validToDate.getTime() / 1000;
}

async function serves(port: number, certificate: ServerCertificate): Promise<boolean> {
  const reply = await ask(port, '/healthz', { ca: ca() });
  return reply.certificate === fingerprintOf(certificate);
}

const only = (version: 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3'): ConnectionOptions => ({
  minVersion: version,
  maxVersion: version,
  // Without it, a client of today does not even offer what is old.
  ciphers: 'DEFAULT@SECLEVEL=0',
  rejectUnauthorized: false,
});

/** For each version, what is agreed on, or the alert that the server answers. */
function versionsOn(port: number): Promise<(string | null | undefined)[]> {
  return Promise.all(
    (['TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const).map((version) =>
      handshake(port, only(version)).catch(({ code }: NodeJS.ErrnoException) => code),
    ),
  );
}

describe('the servers with TLS', () => {
  it('speak 1.2 and 1.3 and nothing older, also after a reload', async () => {
    const pair = new ReplaceablePair();
    const program = await workplace.start({ ...pair.forMetrics, ...pair.forCollector });
    const modern = ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', 'TLSv1.2', 'TLSv1.3'];
    const ports = [metricsPort(program), program.port];
    for (const port of ports) {
      expect(await versionsOn(port)).toEqual(modern);
    }
    pair.become(second);
    for (const port of ports) {
      await until(() => serves(port, second));
      expect(await versionsOn(port)).toEqual(modern);
    }
  });

  it.each(['metrics', 'collector'])(
    'show a certificate that was renamed into place to the next connection, and soon to a kept one (%s)',
    async (server) => {
      const pair = new ReplaceablePair();
      const program = await workplace.start({ ...pair.forMetrics, ...pair.forCollector });
      const port = server === 'metrics' ? metricsPort(program) : program.port;
      const agent = new Agent({ keepAlive: true, maxSockets: 1, maxCachedSessions: 0, ca: ca() });
      const kept = (): Promise<Reply> => ask(port, '/healthz', { agent });
      expect((await kept()).certificate).toBe(fingerprintOf(first));
      expect((await kept()).headers.connection).toBe('keep-alive');

      pair.become(second);
      await until(() => serves(port, second));
      const last = await kept();
      expect(last).toMatchObject({ status: 200, certificate: fingerprintOf(first) });
      expect(last.headers.connection).toBe('close');
      expect(await kept()).toMatchObject({ status: 200, certificate: fingerprintOf(second) });
      agent.destroy();
    },
  );

  it('follow a symbolic link that is swapped for another, as Kubernetes does', async () => {
    const versions = { old: first, new: second };
    for (const [version, { cert, key }] of Object.entries(versions)) {
      mkdirSync(workplace.path(version));
      copyFileSync(cert, workplace.path(version, 'tls.crt'));
      copyFileSync(key, workplace.path(version, 'tls.key'));
    }
    symlinkSync('old', workplace.path('..data'));
    for (const name of ['tls.crt', 'tls.key']) {
      symlinkSync(`..data/${name}`, workplace.path(name));
    }
    const program = await workplace.start({
      METRICS_TLS_CERT: 'tls.crt',
      METRICS_TLS_KEY: 'tls.key',
    });
    expect(await serves(metricsPort(program), first)).toBe(true);
    symlinkSync('new', workplace.path('..data_tmp'));
    renameSync(workplace.path('..data_tmp'), workplace.path('..data'));
    await until(() => serves(metricsPort(program), second));
  });

  it('keep what works while the new files do not, say so, and take them once they do', async () => {
    const pair = new ReplaceablePair();
    const program = await workplace.start({ ...pair.forMetrics, ...pair.forCollector });
    expect(await gauge(program, NOT_AFTER)).toBe(notAfterOf(first));

    const breakages = [
      () => pair.cert.become(second.cert),
      () => pair.cert.hold('garbage'),
      () => pair.cert.hold(''),
      () => renameSync(pair.key.path, `${pair.key.path}.away`),
    ];
    for (const breakIt of breakages) {
      breakIt();
      for (const server of ['metrics', 'collector']) {
        await until(async () => (await gauge(program, LAST_RELOAD, server)) === 0);
        expect(await gauge(program, NOT_AFTER, server)).toBe(notAfterOf(first));
      }
      expect(await serves(program.port, first)).toBe(true);
      pair.become(first);
      for (const server of ['metrics', 'collector']) {
        await until(async () => (await gauge(program, LAST_RELOAD, server)) === 1);
      }
    }

    // The certificate first, and its key after it was found not to fit.
    pair.cert.become(second.cert);
    await until(async () => (await gauge(program, LAST_RELOAD)) === 0);
    pair.key.become(second.key);
    await until(async () => (await gauge(program, LAST_RELOAD)) === 1);
    expect(await gauge(program, NOT_AFTER)).toBe(notAfterOf(second));
    expect(program.log.join('\n')).toMatch(
      /the new certificate files of the metrics server cannot be used, and the ones before stay in use: METRICS_TLS_KEY does not belong/,
    );
    expect(await program.stop()).toBe(0);
  });

  it('have series for their certificates only when they speak TLS', async () => {
    const pair = new ReplaceablePair();
    const program = await workplace.start(pair.forCollector);
    const servers = (await program.metrics())
      .filter(({ name }) => name.startsWith('gotrack_tls_'))
      .map(({ name, labels }) => `${name} ${labels['server']}`);
    expect(servers.toSorted()).toEqual([`${NOT_AFTER} collector`, `${LAST_RELOAD} collector`]);
  });
});

describe('the metrics address with METRICS_CLIENT_CA', () => {
  const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;
  let clientCa: Replaceable;
  let oldAuthority: CertificateAuthority;
  let newAuthority: CertificateAuthority;
  let oldClient: ServerCertificate;
  let newClient: ServerCertificate;
  let settings: Readonly<Record<string, string>>;
  let program: Collector;

  beforeEach(async () => {
    oldAuthority = new CertificateAuthority(workplace.directory, 'old');
    newAuthority = new CertificateAuthority(workplace.directory, 'new');
    oldClient = oldAuthority.issue('client');
    newClient = newAuthority.issue('client');
    clientCa = new Replaceable('clients.crt', oldAuthority.cert);
    settings = { ...new ReplaceablePair().forMetrics, METRICS_CLIENT_CA: clientCa.path };
    program = await workplace.start(settings);
  });

  const says = (options: ConnectionOptions): Promise<string> =>
    answerTo(metricsPort(program), SCRAPE, { ca: ca(), ...options });

  it.each(VERSIONS)('serves whom it signed, and nobody else a byte, in %s', async (version) => {
    const versions = { minVersion: version, maxVersion: version };
    expect(await says({ ...versions, ...as(oldClient) })).toMatch(/^HTTP\/1\.1 200 /);
    expect(await says(versions)).toBe('');
    expect(await says({ ...versions, ...as(newClient) })).toBe('');
    // Nor one that says it is signed by it.
    const impostor = new CertificateAuthority(workplace.path(), 'old-again').issue('client');
    expect(await says({ ...versions, ...as(impostor) })).toBe('');
    expect(await says({ ...versions, ...as(oldClient) })).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('is healthy for the healthcheck of an instance that only delivers, which has none', async () => {
    const asked = {
      ...settings,
      ROLE: 'deliver',
      METRICS_ADDR: `127.0.0.1:${metricsPort(program)}`,
    };
    expect(await workplace.run(['healthcheck'], asked)).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('OK'),
    });
    expect(await program.stop()).toBe(0);
    expect(await workplace.run(['healthcheck'], asked)).toMatchObject({ exitCode: 1 });
  });

  it.each(VERSIONS)(
    'ends what the authorities of before let in, once others take their place, in %s',
    async (version) => {
      const port = metricsPort(program);
      const options = {
        host: '127.0.0.1',
        port,
        ca: ca(),
        minVersion: version,
        maxVersion: version,
        ...as(oldClient),
      };
      const idle = connect(options);
      let session: Buffer | undefined;
      idle.on('session', (given) => (session = given));
      const unfinished = connect(options);
      await Promise.all([once(idle, 'secureConnect'), once(unfinished, 'secureConnect')]);
      idle.write('GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n');
      await once(idle, 'data');
      await until(() => session !== undefined);
      unfinished.write('GET /metrics HTTP/1.1\r\n');
      const ends = [idle, unfinished].map((socket) => {
        socket.on('error', () => {});
        return new Promise((resolve) => socket.resume().once('close', resolve));
      });

      clientCa.become(newAuthority.cert);
      await Promise.all(ends);
      expect(await says({ ...options, ...as(newClient) })).toMatch(/^HTTP\/1\.1 200 /);
      expect(await says(options)).toBe('');
      expect(await says({ ...options, session })).toBe('');
    },
  );

  it('takes the authorities of before and after together, and no empty file of them', async () => {
    clientCa.hold('');
    await until(() => program.log.some((line) => line.includes('METRICS_CLIENT_CA')));
    expect(await says(as(oldClient))).toContain(`${LAST_RELOAD}{server="metrics"} 0`);
    expect(await says({})).toBe('');

    clientCa.hold(
      readFileSync(oldAuthority.cert, 'utf8') + readFileSync(newAuthority.cert, 'utf8'),
    );
    await until(async () => (await says(as(newClient))) !== '');
    expect(await says(as(oldClient))).toContain(`${LAST_RELOAD}{server="metrics"} 1`);
    expect(await says({})).toBe('');
  });
});

describe.each(['TLSv1.2', 'TLSv1.3'] as const)(
  'the metrics address with intermediate authorities in METRICS_CLIENT_CA, in %s',
  (version) => {
    let root: CertificateAuthority;
    let ours: CertificateAuthority;
    let strange: CertificateAuthority;
    let clientCa: Replaceable;
    let program: Collector;

    beforeEach(async () => {
      root = new CertificateAuthority(workplace.directory, 'root');
      ours = new CertificateAuthority(workplace.directory, 'ours', root);
      strange = new CertificateAuthority(workplace.directory, 'strange', root);
      clientCa = new Replaceable('clients.crt', ours.cert);
      program = await workplace.start({
        ...new ReplaceablePair().forMetrics,
        METRICS_CLIENT_CA: clientCa.path,
      });
    });

    /** @param chain that the client shows after its own certificate */
    function says(client: ServerCertificate, chain: readonly CertificateAuthority[] = []) {
      const { cert, key } = as(client);
      const shown = Buffer.concat([cert, ...chain.map((link) => readFileSync(link.cert))]);
      const versions = { minVersion: version, maxVersion: version };
      return answerTo(metricsPort(program), SCRAPE, { ca: ca(), ...versions, cert: shown, key });
    }

    async function expectOnly(
      [trusted, its]: readonly [ServerCertificate, CertificateAuthority],
      [other, others]: readonly [ServerCertificate, CertificateAuthority],
    ): Promise<void> {
      for (const chain of [[], [its], [its, root]]) {
        expect(await says(trusted, chain)).toMatch(/^HTTP\/1\.1 200 /);
      }
      for (const chain of [[], [others], [others, root], [others, its]]) {
        expect(await says(other, chain)).toBe('');
      }
    }

    it('serves whom one of them has signed, and no client of a stranger under the same root, also after a reload', async () => {
      const our = [ours.issue('client'), ours] as const;
      const stranger = [strange.issue('client'), strange] as const;
      const ofRoot = root.issue('client');
      await expectOnly(our, stranger);
      expect(await says(ofRoot, [root])).toBe('');

      clientCa.become(strange.cert);
      await until(async () => (await says(stranger[0])) !== '');
      await expectOnly(stranger, our);

      clientCa.become(ours.cert);
      await until(async () => (await says(our[0])) !== '');
      await expectOnly(our, stranger);
      expect(await says(ofRoot, [root])).toBe('');

      clientCa.become(root.cert);
      await until(async () => (await says(ofRoot)) !== '');
      expect(await says(stranger[0], [strange])).toMatch(/^HTTP\/1\.1 200 /);
      expect(
        await says(new CertificateAuthority(workplace.directory, 'root-2').issue('client')),
      ).toBe('');
    });
  },
);

describe('the metrics address with METRICS_BEARER_TOKEN', () => {
  it('gives the metrics to those who bring it, and health to everyone', async () => {
    const program = await workplace.start({
      ...new ReplaceablePair().forMetrics,
      METRICS_ADDR: '0.0.0.0:0',
      METRICS_BEARER_TOKEN: TOKEN,
    });
    const bringing = (authorization: string): Promise<Reply> =>
      ask(metricsPort(program), '/metrics', { ca: ca(), headers: { authorization } });
    expect((await bringing(`Bearer ${TOKEN}`)).status).toBe(200);
    const refused = await Promise.all([
      scrape(program),
      bringing(''),
      bringing(TOKEN),
      bringing(`Basic ${TOKEN}`),
      bringing(`Bearer ${TOKEN}x`),
      bringing(`Bearer ${TOKEN.slice(1)}`),
    ]);
    for (const { status, headers, body } of refused) {
      expect(status).toBe(401);
      expect(headers['www-authenticate']).toBe('Bearer realm="gotrack metrics"');
      expect(body).not.toContain('gotrack_');
    }
    expect(new Set(refused.map(({ body }) => body)).size).toBe(1);
    for (const path of ['/', '/healthz', '/readyz']) {
      const reply = await ask(metricsPort(program), path, { ca: ca() });
      expect({ path, refused: reply.status === 401 }).toEqual({ path, refused: false });
    }
    expect(await program.stop()).toBe(0);
    expect(program.log.join('\n')).not.toContain(TOKEN);
  });
});

describe('the collector with ENABLE_HTTPS', () => {
  const TOTAL = 'gotrack_http_requests_total';
  let pair: ReplaceablePair;
  let program: Collector;

  beforeEach(async () => {
    pair = new ReplaceablePair();
    program = await workplace.start({ ...pair.forCollector, FLUSH_INTERVAL_MS: '50' });
  });

  it('counts each request once, and what is no TLS, or none that it speaks, not at all', async () => {
    for (let time = 0; time < 5; time += 1) {
      const { status } = await ask(program.port, `/px.gif?event_id=${time}`, { ca: ca() });
      expect(status).toBe(200);
      const malformed = await answerTo(program.port, 'hello\r\n\r\n', { ca: ca() });
      expect(malformed).toMatch(/^HTTP\/1\.1 400 /);

      const plain = await RawConnection.open(program.port);
      plain.send('GET /px.gif HTTP/1.1\r\nHost: a\r\n\r\n');
      expect(await plain.answer()).not.toContain('HTTP');
      const garbage = await RawConnection.open(program.port);
      garbage.send('\x16\x03\x01\x00\x05hello');
      await garbage.answer();
      await expect(handshake(program.port, only('TLSv1.1'))).rejects.toThrow(/alert/);
      await expect(handshake(program.port, { ca: [] })).rejects.toThrow(/certificate/);
      const silent = await RawConnection.open(program.port);
      silent.abort();
    }
    const samples = await program.metrics();
    expect(sumOf(samples, TOTAL, { endpoint: '/px.gif', status: '200' })).toBe(5);
    expect(sumOf(samples, TOTAL, { endpoint: 'other', status: '400' })).toBe(5);
    expect(sumOf(samples, TOTAL)).toBe(10);
    await program.drained();
    expect((await workplace.logged()).map(({ event_id }) => event_id)).toEqual([
      '0',
      '1',
      '2',
      '3',
      '4',
    ]);
  });

  it('is healthy for healthcheck, also while its files are being replaced', async () => {
    const given = { ...pair.forCollector, SERVER_ADDR: `127.0.0.1:${program.port}` };
    const healthy = { exitCode: 0, stdout: 'ok\n', stderr: '' };
    expect(await workplace.run(['healthcheck'], given)).toEqual(healthy);
    pair.cert.hold('garbage');
    expect(await workplace.run(['healthcheck'], given)).toEqual(healthy);
  });

  it('loses no request when its certificate is replaced under load', async () => {
    const load = new Load(program.port, 'load', ca());
    load.start(8);
    await until(() => load.acknowledged.size > 100);
    for (const certificate of [second, first, second]) {
      pair.become(certificate);
      await until(() => serves(program.port, certificate));
      const before = load.acknowledged.size;
      await until(() => load.acknowledged.size > before + 100);
    }
    await load.stop();
    expect(load.others).toEqual([]);
    await program.drained();
    const delivered = (await workplace.logged()).map(({ event_id }) => event_id).toSorted();
    expect(delivered).toEqual([...load.acknowledged].toSorted());
  });

  it('SIGTERM under load cuts no request and leaves nothing behind', async () => {
    const load = new Load(program.port, 'load', ca());
    expect(await shutDownUnderLoad(program, load)).toEqual({ exitCode: 0, broken: [] });
    const delivered = (await workplace.logged()).map(({ event_id }) => event_id).toSorted();
    expect(delivered).toEqual([...load.acknowledged].toSorted());
  });
});

describe('a shutdown with TLS', () => {
  it('waits neither for handshakes that are never finished, nor for clients that say nothing after theirs', async () => {
    const pair = new ReplaceablePair();
    const program = await workplace.start({
      ...pair.forMetrics,
      ...pair.forCollector,
      SHUTDOWN_TIMEOUT_MS: '300000',
    });
    const ports = [program.port, metricsPort(program)];
    const mute = await Promise.all(ports.map((port) => RawConnection.open(port)));
    const silent = ports.map((port) => connect({ host: '127.0.0.1', port, ca: ca() }));
    await Promise.all(silent.map((socket) => once(socket, 'secureConnect')));
    const closed = silent.map((socket) => {
      socket.on('error', () => {});
      return once(socket.resume(), 'close');
    });
    expect(await program.stop()).toBe(0);
    expect(await Promise.all(mute.map((connection) => connection.answer()))).toEqual(['', '']);
    await Promise.all(closed);
  });
});
