import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Workplace } from '../support/servers/collector.js';
import {
  CertificateAuthority,
  encryptKey,
  type ServerCertificate,
} from '../support/servers/server-certificate.js';
import { ask } from '../support/servers/tls-client.js';

const TOKEN = 'a-token-that-nobody-may-see';
const PASSPHRASE = 'a-passphrase-that-nobody-may-see';
const GARBAGE = 'garbage-that-nobody-may-see';

let directory: string;
let server: ServerCertificate;
let other: ServerCertificate;
let expired: ServerCertificate;
let authority: CertificateAuthority;
let workplace: Workplace;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'gotrack-certificates-'));
  authority = new CertificateAuthority(directory, 'authority');
  server = authority.issue('server');
  other = authority.issue('other');
  expired = authority.issue('expired', { days: -1 });
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

beforeEach(async () => {
  workplace = await Workplace.create();
});

afterEach(() => workplace.remove());

type Environment = Record<string, string>;

function holding(text: string): string {
  const path = join(directory, `holding-${text.length}`);
  writeFileSync(path, text);
  return path;
}

function brokenPem(label: string): string {
  const body = Buffer.from(GARBAGE).toString('base64');
  return holding(`-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`);
}

const metrics = (given: Environment = {}): Environment => ({
  METRICS_TLS_CERT: server.cert,
  METRICS_TLS_KEY: server.key,
  ...given,
});
const collector = (given: Environment = {}): Environment => ({
  ENABLE_HTTPS: 'true',
  SSL_CERT_FILE: server.cert,
  SSL_KEY_FILE: server.key,
  ...given,
});

/** What is wrong, the environment, and every fault that is named. */
type Misconfiguration = readonly [what: string, given: () => Environment, faults: Environment];

const BOTH = 'METRICS_TLS_CERT and METRICS_TLS_KEY';

const RULES: readonly Misconfiguration[] = [
  [
    'a certificate without a key',
    () => ({ METRICS_TLS_CERT: server.cert }),
    { METRICS_TLS_KEY: 'must be set, because METRICS_TLS_CERT is' },
  ],
  [
    'a key without a certificate',
    () => ({ METRICS_TLS_KEY: server.key }),
    { METRICS_TLS_CERT: 'must be set, because METRICS_TLS_KEY is' },
  ],
  [
    'TLS required, and neither of them',
    () => ({ METRICS_REQUIRE_TLS: 'true' }),
    { METRICS_REQUIRE_TLS: `is true, and that needs ${BOTH}; set them` },
  ],
  [
    'an authority of clients without TLS',
    () => ({ METRICS_CLIENT_CA: authority.cert }),
    {
      METRICS_CLIENT_CA: `nobody's certificate is asked for without TLS; set ${BOTH}, or unset it`,
    },
  ],
  [
    'a token that would cross the network as it is',
    () => ({ METRICS_ADDR: '0.0.0.0:0', METRICS_BEARER_TOKEN: TOKEN }),
    {
      METRICS_BEARER_TOKEN: `would cross the network unencrypted; set ${BOTH}, or METRICS_ADDR to a loopback address`,
    },
  ],
  [
    'a token that no header can hold',
    () => ({ METRICS_BEARER_TOKEN: `${TOKEN} and more` }),
    { METRICS_BEARER_TOKEN: 'must be visible ASCII characters without blanks' },
  ],
  [
    'an empty file of authorities',
    () => metrics({ METRICS_CLIENT_CA: holding('') }),
    { METRICS_CLIENT_CA: 'names a file without a certificate in PEM form' },
  ],
  [
    'garbage for authorities',
    () => metrics({ METRICS_CLIENT_CA: holding(GARBAGE) }),
    { METRICS_CLIENT_CA: 'names a file without a certificate in PEM form' },
  ],
  [
    'authorities of which one is broken',
    () => metrics({ METRICS_CLIENT_CA: brokenPem('CERTIFICATE') }),
    { METRICS_CLIENT_CA: 'names a file whose certificate 1 cannot be read; write it again' },
  ],
  [
    'no file of authorities',
    () => metrics({ METRICS_CLIENT_CA: 'nowhere' }),
    {
      METRICS_CLIENT_CA: 'names a file that cannot be read: it does not exist (ENOENT)',
    },
  ],
];

/** Of a server that has its files in those variables. */
function unusableFiles(
  cert: string,
  key: string,
  tls: (given?: Environment) => Environment,
): readonly Misconfiguration[] {
  const missing = 'names a file that cannot be read: it does not exist (ENOENT)';
  const noKey = 'names a file without a private key in PEM form';
  return [
    ['no certificate file', () => tls({ [cert]: 'nowhere' }), { [cert]: missing }],
    ['no key file', () => tls({ [key]: 'nowhere' }), { [key]: missing }],
    [
      'neither file',
      () => tls({ [cert]: 'nowhere', [key]: 'nowhere' }),
      { [cert]: missing, [key]: missing },
    ],
    [
      'a directory for a certificate',
      () => tls({ [cert]: '.' }),
      { [cert]: 'names a file that cannot be read: it is a directory (EISDIR)' },
    ],
    [
      'garbage for a certificate',
      () => tls({ [cert]: holding(GARBAGE) }),
      { [cert]: 'names a file without a certificate in PEM form' },
    ],
    [
      'a broken certificate',
      () => tls({ [cert]: brokenPem('CERTIFICATE') }),
      { [cert]: 'names a file whose certificate 1 cannot be read; write it again' },
    ],
    ['garbage for a key', () => tls({ [key]: holding(GARBAGE) }), { [key]: noKey }],
    ['a broken key', () => tls({ [key]: brokenPem('PRIVATE KEY') }), { [key]: noKey }],
    [
      "another's key",
      () => tls({ [key]: other.key }),
      {
        [key]: `does not belong to the first certificate in ${cert}; put the server's own certificate first, and name its key`,
      },
    ],
    [
      'a key with a passphrase',
      () => tls({ [key]: encryptKey(server.key, PASSPHRASE) }),
      {
        [key]: 'names a key that is encrypted; take its passphrase off (openssl pkey -in … -out …)',
      },
    ],
  ];
}

const OF_THE_COLLECTOR = unusableFiles('SSL_CERT_FILE', 'SSL_KEY_FILE', collector);

/** Of both servers at once: each has its own faults. */
const UNUSABLE_FILES = unusableFiles('METRICS_TLS_CERT', 'METRICS_TLS_KEY', metrics).map(
  ([what, given, faults], index): Misconfiguration => {
    const [, alsoGiven, alsoFaults] = OF_THE_COLLECTOR[index] as Misconfiguration;
    return [what, () => ({ ...given(), ...alsoGiven() }), { ...faults, ...alsoFaults }];
  },
);

/** What `serve` says of the faults of that environment. */
async function refusalOf(given: Environment): Promise<Environment> {
  const [served, checked] = await Promise.all([
    workplace.run(['serve'], given),
    workplace.run(['check-config'], given),
  ]);
  expect(served.exitCode).toBe(1);
  expectNoSecrets(served.stdout + served.stderr);
  expect(checked).toEqual(served);
  return faultsIn(served.stderr);
}

function faultsIn(stderr: string): Environment {
  return Object.fromEntries(
    [...stderr.matchAll(/^\W*([A-Z_]+): (.+)$/gm)].map(([, name, reason]) => [name, reason]),
  ) as Environment;
}

function expectNoSecrets(output: string): void {
  const [, ...keyLines] = readFileSync(server.key, 'utf8').split('\n').slice(0, -2);
  const secrets = [TOKEN, PASSPHRASE, GARBAGE, Buffer.from(GARBAGE).toString('base64')];
  for (const secret of [...secrets, ...keyLines]) {
    expect(output).not.toContain(secret);
  }
}

describe('a start with TLS that cannot work', () => {
  it.each(RULES)('is refused for the metrics: %s', async (_, given, faults) => {
    expect(await refusalOf(given())).toEqual(faults);
  });

  it.each(UNUSABLE_FILES)(
    'is refused for the metrics and for the collector: %s',
    async (_, given, faults) => {
      expect(await refusalOf(given())).toEqual(faults);
    },
  );

  it('names the default files of the collector when they are not there', async () => {
    const missing = 'names a file that cannot be read: it does not exist (ENOENT)';
    expect(await refusalOf({ ENABLE_HTTPS: 'true' })).toEqual({
      SSL_CERT_FILE: missing,
      SSL_KEY_FILE: missing,
    });
  });
});

describe('a start with TLS that may surprise', () => {
  async function warningsOf(given: Environment): Promise<string> {
    const { exitCode, stderr, stdout } = await workplace.run(['check-config'], given);
    expect(exitCode).toBe(0);
    expectNoSecrets(stdout + stderr);
    return stderr;
  }

  it('starts with an expired certificate, and says so', async () => {
    const given = {
      ...metrics({ METRICS_TLS_CERT: expired.cert, METRICS_TLS_KEY: expired.key }),
      ...collector({ SSL_CERT_FILE: expired.cert, SSL_KEY_FILE: expired.key }),
    };
    const warned = await warningsOf(given);
    const program = await workplace.start(given);
    for (const variable of ['METRICS_TLS_CERT', 'SSL_CERT_FILE']) {
      const warning = new RegExp(`${variable}: a certificate in it expired on \\d.*; renew it`);
      expect(warned).toMatch(warning);
      expect(program.log.join('\n')).toMatch(warning);
    }
    const { status } = await ask(program.port, '/healthz', { rejectUnauthorized: false });
    expect(status).toBe(200);
  });

  it('says which address other machines read unencrypted, and nothing of one with TLS', async () => {
    const open = { METRICS_ADDR: '0.0.0.0:0' };
    const warning =
      'METRICS_ADDR: metrics are served unencrypted on an address that other machines may reach; set METRICS_TLS_CERT and METRICS_TLS_KEY';
    expect(await warningsOf(open)).toContain(warning);
    expect((await workplace.start(open)).log.join('\n')).toContain(warning);
    expect(await warningsOf(metrics({ ...open, METRICS_BEARER_TOKEN: TOKEN }))).toBe('');
  });

  it('says nothing of a token on loopback', async () => {
    expect(await warningsOf({ METRICS_BEARER_TOKEN: TOKEN })).toBe('');
  });

  it('reads no certificate files for metrics that are not served', async () => {
    const given = { METRICS_TLS_CERT: 'nowhere', METRICS_TLS_KEY: 'nowhere' };
    expect(await warningsOf({ ...given, METRICS_ENABLED: 'false' })).toBe('');
  });
});
