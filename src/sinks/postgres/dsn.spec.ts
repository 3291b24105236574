import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { dsn } from './dsn.js';

const BASE = 'postgres://app:s3cret@db.example:5433/analytics';
const PASSWORD = '#/?@:%+& =[]"\'\\żółć';

function refusalOf(value: string): string {
  try {
    dsn(value);
  } catch (error) {
    return String(error);
  }
  return 'accepted';
}

describe('dsn', () => {
  it('keeps what a URI says, and prefers TLS, when it says nothing about it', () => {
    const { host, port, user, password, database, sslMode, ...others } = dsn(BASE);
    expect({ host, port, user, password, database, sslMode }).toEqual({
      host: 'db.example',
      port: 5433,
      user: 'app',
      password: 's3cret',
      database: 'analytics',
      sslMode: 'prefer',
    });
    expect(Object.values(others).filter((value) => value !== undefined)).toEqual([
      true, // keepAlive
      false, // channelBinding
      false, // isDirect
    ]);
  });

  it('reads each parameter that it honours', () => {
    const parameters = [
      'hostaddr=10.0.0.1',
      'application_name=web',
      'fallback_application_name=any',
      'options=-c%20lock_timeout%3D5s',
      'connect_timeout=7',
      'channel_binding=prefer',
      'keepalives=0',
      'keepalives_idle=60',
      'sslmode=verify-full',
      'sslnegotiation=direct',
      'sslrootcert=/ca.pem',
      'sslcert=/c.pem',
      'sslkey=/k.pem',
      'sslpassword=of-the-key',
      'ssl_min_protocol_version=TLSv1.2',
      'ssl_max_protocol_version=tlsv1.3',
    ];
    expect(dsn(`${BASE}?${parameters.join('&')}`)).toEqual({
      host: 'db.example',
      hostAddress: '10.0.0.1',
      port: 5433,
      user: 'app',
      password: 's3cret',
      database: 'analytics',
      applicationName: 'web',
      fallbackApplicationName: 'any',
      options: '-c lock_timeout=5s',
      connectTimeoutMs: 7000,
      channelBinding: true,
      keepAlive: false,
      keepAliveDelayMs: 60_000,
      sslMode: 'verify-full',
      isDirect: true,
      rootCert: '/ca.pem',
      clientCert: '/c.pem',
      clientKey: '/k.pem',
      clientKeyPassword: 'of-the-key',
      minVersion: 'TLSv1.2',
      maxVersion: 'TLSv1.3',
    });
  });

  it.each([
    ['sslmode=disable', 'disable'],
    ['sslmode=require', 'require'],
    ['ssl=true', 'require'],
    ['sslrootcert=/ca.pem', 'prefer'],
    ['sslmode=verify-ca&sslrootcert=/ca.pem', 'verify-ca'],
    ['sslrootcert=system', 'verify-full'],
    ['sslmode=', 'prefer'],
  ])('reads %s as the mode %s', (parameters, sslMode) => {
    expect(dsn(`${BASE}?${parameters}`).sslMode).toBe(sslMode);
  });

  it.each([
    ['postgres://%2Frun%2Fpostgresql/x?sslmode=verify-ca&sslnegotiation=direct', '/run/postgresql'],
    ['postgresql:///x?host=/run/postgresql&sslmode=require', '/run/postgresql'],
    ['host=/tmp sslmode=verify-full sslrootcert=system', '/tmp'],
  ])('ignores on a Unix socket what %s says about TLS', (value, host) => {
    const direct = value.includes('direct') ? value.replace('verify-ca', 'require') : value;
    expect(dsn(direct)).toMatchObject({ host, sslMode: 'disable', isDirect: false });
  });

  it('reads host, user and database where libpq does', () => {
    expect(dsn('postgres://[::1]:1/x')).toMatchObject({ host: '::1', port: 1, user: undefined });
    expect(dsn('postgres://')).toMatchObject({ host: undefined, database: undefined });
    expect(dsn('postgres://a:/?host=h&port=2&user=b&password=c&dbname=d')).toMatchObject({
      host: 'h',
      port: 2,
      user: 'b',
      password: 'c',
      database: 'd',
    });
  });

  it('takes a plus for a plus', () => {
    expect(dsn('postgres://a+b:c+d@h/e+f?options=g+h')).toMatchObject({
      user: 'a+b',
      password: 'c+d',
      database: 'e+f',
      options: 'g+h',
    });
  });

  it('reads any password that is percent-encoded', () => {
    expect(dsn(`postgres://app:${encodeURIComponent(PASSWORD)}@h/x`).password).toBe(PASSWORD);
    expect(dsn(`postgres://h/x?password=${encodeURIComponent(PASSWORD)}`).password).toBe(PASSWORD);
  });

  it('reads keywords and values', () => {
    expect(
      dsn(
        ` host=db.example  port = 5433 dbname=analytics user=app password='it\\'s a \\\\ & s3cret?#@' sslmode=require`,
      ),
    ).toMatchObject({
      host: 'db.example',
      port: 5433,
      database: 'analytics',
      user: 'app',
      password: `it's a \\ & s3cret?#@`,
      sslMode: 'require',
    });
  });

  it.each([
    ['db.example', 'must be postgres://'],
    ['host=db.example s3cret', 'must be postgres://'],
    ["host=db.example password='s3cret", 'must be postgres://'],
    ['host=db1,db2 password=s3cret', 'must name one host'],
    ['mysql://app:s3cret@db.example/x', 'must be postgres://'],
    ['postgres://app:s3cret@db.example:port/x', 'must be postgres://'],
    ['postgres://app:s3cret@db1,db2/x', 'must name one host'],
    [`${BASE}?host=db1,db2`, 'must name one host'],
    [`${BASE}?sslmode=s3cret`, 'has an unknown sslmode: it is one of disable, allow'],
    [`${BASE}?sslmode=verify-ca`, 'needs the sslrootcert of your CA'],
    [`${BASE}?sslmode=require&sslrootcert=system`, 'needs sslmode=verify-full'],
    [`${BASE}?sslnegotiation=direct`, 'needs an sslmode of require, verify-ca, verify-full'],
    [`${BASE}?hostaddr=s3cret`, 'has a hostaddr that is no IP address'],
    [`${BASE}?port=s3cret`, 'has a port that is no whole number'],
    [`${BASE}?port=70000`, 'has a port that is not between 1 and 65535'],
    [`${BASE}?connect_timeout=s3cret`, 'has a connect_timeout that is no whole number'],
    [`${BASE}?application_name`, 'has a parameter without a value'],
    ['postgres://app:50%s3cret@db/x', 'must have a % that means itself percent-encoded: %25'],
  ])('refuses %s, without repeating it', (value, reason) => {
    const message = refusalOf(value);
    expect(message).toContain(reason);
    expect(message).not.toContain('s3cret');
  });

  // Digits, so that what comes before the character could be a port.
  it.each(['#', '/', '?', '@'])(
    'refuses an unescaped %s in a password, and shows nothing of it',
    (character) => {
      for (const password of [`17${character}hunter2`, `hunter2${character}`, `${character}17`]) {
        for (const rest of ['db/x', 'db:5432/x?sslmode=require', 'db']) {
          const message = refusalOf(`postgres://app:${password}@${rest}`);
          expect(message).toContain('percent-encoded: %23, %2F, %3F, %40');
          expect(message).not.toMatch(/hunter2|17/);
        }
      }
    },
  );

  it.each([
    ['sslmod=verify-full', 'the parameter sslmod that is not known: sslmode is probably meant'],
    ['SSLMODE=require', 'SSLMODE that is not known: sslmode is probably meant'],
    ['pool_size=10', 'has the parameter pool_size that is not known: remove it'],
    ['channel_binding=require', 'has channel_binding=require, which is not supported: write'],
    ['require_auth=scram-sha-256', 'has require_auth, which is not supported: remove it'],
    ['target_session_attrs=read-only', 'write any or primary or read-write'],
    ['gssencmode=require', 'has a gssencmode that is not supported'],
    ['load_balance_hosts=random', 'has a load_balance_hosts that is not supported'],
    ['tcp_user_timeout=1000', 'has a tcp_user_timeout that is not supported'],
    ['service=main', 'has service, which is not supported: write out'],
    ['passfile=/x', 'PG_DSN_FILE'],
    ['sslcrl=/x', 'has sslcrl, which is not supported'],
    ['statement_timeout=5', 'a statement ends after 25 s'],
    ['ssl=false', 'has an unknown ssl: it is true'],
  ])('refuses %s by name, and says what to do', (parameter, reason) => {
    expect(refusalOf(`${BASE}?${parameter}`)).toContain(reason);
    expect(refusalOf(`host=db password=x ${parameter}`)).not.toBe('accepted');
  });

  it.each([
    'target_session_attrs=read-write',
    'gssencmode=prefer',
    'client_encoding=UTF8',
    'channel_binding=disable',
    'load_balance_hosts=disable',
    'uselibpqcompat=true',
    'keepalives_interval=0',
    'require_auth=',
    'sslnegotiation=postgres',
    'ssl=true',
  ])('accepts %s: so it is', (parameter) => {
    expect(refusalOf(`${BASE}?${parameter}`)).toBe('accepted');
  });

  it.each([
    'host=db password=one two=three',
    'postgres://db/x?password=one&two=three',
    'postgres://db/x?password=one&two',
  ])('shows no name that may be the rest of a password: %s', (value) => {
    expect(refusalOf(value)).toContain('has a parameter');
    expect(refusalOf(value)).not.toContain('two');
  });
});

it('reads the DSN that config/compose/make-credentials.sh makes of any password', () => {
  const directory = mkdtempSync(join(tmpdir(), 'gotrack-credentials-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const uid = String(process.getuid?.());
  writeFileSync(join(directory, 'postgres-gotrack-password'), PASSWORD);
  const ids = { POSTGRES_UID: uid, GOTRACK_UID: uid, GRAFANA_UID: uid };
  execFileSync('sh', ['config/compose/make-credentials.sh'], {
    env: { ...process.env, ...ids, CREDENTIALS: directory },
  });

  const made = readFileSync(join(directory, 'pg-dsn'), 'utf8').trim();

  expect(dsn(made)).toMatchObject({
    host: 'postgres',
    user: 'gotrack',
    password: PASSWORD,
    database: 'gotrack',
  });
});
