import { X509Certificate } from 'node:crypto';
import { readFileInTime } from '../threads/read-file.js';
import { fileFailure } from './file-failure.js';
import { InvalidValueError } from './setting.js';

/**
 * @param named which setting names the file, for the error: its path may be part of a secret
 * @throws InvalidValueError the file cannot be read: it may be there the next time
 */
export async function readPem(named: string, path: string): Promise<string> {
  try {
    return (await readFileInTime(path)).toString();
  } catch (error) {
    throw new InvalidValueError(`${named} names a file that cannot be read: ${fileFailure(error)}`);
  }
}

/**
 * Node takes a file without certificates, and then trusts nobody.
 * @throws InvalidValueError the file cannot be read, or has no certificate
 */
export async function readCertificates(named: string, path: string): Promise<string> {
  const pem = await readPem(named, path);
  try {
    void new X509Certificate(pem);
  } catch {
    throw new InvalidValueError(`${named} names a file without a certificate in PEM form`);
  }
  return pem;
}
