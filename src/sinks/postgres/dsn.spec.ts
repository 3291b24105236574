import { Client } from 'pg';
import { describe, expect, it } from 'vitest';
import { dsn } from './dsn.js';

const BASE = 'postgres://app:s3cret@db.example:5433/analytics';

describe('dsn', () => {
  it('keeps the address, and prefers TLS, when it says nothing about it', () => {
    expect(dsn(BASE)).toEqual({
      url: BASE,
      sslMode: 'prefer',
      rootCert: undefined,
      clientCert: undefined,
      clientKey: undefined,
    });
  });

  it('takes out what it says about TLS, and keeps its other parameters', () => {
    const parameters =
      'application_name=web&sslmode=verify-full&sslrootcert=/ca.pem&sslcert=/c.pem&sslkey=/k.pem&uselibpqcompat=true';
    expect(dsn(`${BASE}?${parameters}`)).toEqual({
      url: `${BASE}?application_name=web`,
      sslMode: 'verify-full',
      rootCert: '/ca.pem',
      clientCert: '/c.pem',
      clientKey: '/k.pem',
    });
  });

  it.each([
    ['sslmode=disable', 'disable'],
    ['sslmode=require', 'require'],
    ['ssl=true', 'require'],
    ['sslrootcert=/ca.pem', 'prefer'],
    ['sslmode=verify-ca&sslrootcert=/ca.pem', 'verify-ca'],
    ['sslrootcert=system', 'verify-full'],
  ])('reads %s as the mode %s', (parameters, sslMode) => {
    expect(dsn(`${BASE}?${parameters}`).sslMode).toBe(sslMode);
  });

  it('reads keywords and values as the driver reads the same in a URI', () => {
    const { url, sslMode } = dsn(
      ` host=db.example  port = 5433 dbname=analytics user=app password='it\\'s a \\\\ & s3cret?' sslmode=require`,
    );
    expect(sslMode).toBe('require');
    const { host, port, database, user, password } = new Client({ connectionString: url });
    expect({ host, port, database, user, password }).toEqual({
      host: 'db.example',
      port: 5433,
      database: 'analytics',
      user: 'app',
      password: `it's a \\ & s3cret?`,
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
  ])('refuses %s, without repeating it', (value, reason) => {
    let message = '';
    try {
      dsn(value);
    } catch (error) {
      message = String(error);
    }
    expect(message).toContain(reason);
    expect(message).not.toContain('s3cret');
  });
});
