import { readFileSync } from 'node:fs';
import type { Fault } from '../../config/configuration-error.js';
import { HangingCallError } from '../../threads/bounded-calls.js';
import { readFileInTime } from '../../threads/read-file.js';
import type { CredentialFiles, FileContents } from './credential-files.js';
import { checkCredentials, type Credentials, CredentialsError } from './credentials.js';

/** @throws CredentialsError with every fault */
export function readCredentials(files: CredentialFiles): Credentials {
  return checkCredentials(files, readFilesNow(files));
}

/** What stops the start; for the check of the configuration. */
export function credentialFaults(files: CredentialFiles): readonly Fault[] {
  return ask(files, () => []).faults;
}

/** What the operator should know before the server starts. Empty when the files cannot be used. */
export function credentialWarnings(files: CredentialFiles): readonly string[] {
  return ask(files, ({ warnings }) => warnings).warnings;
}

function ask(
  files: CredentialFiles,
  warningsOf: (credentials: Credentials) => readonly string[],
): { faults: readonly Fault[]; warnings: readonly string[] } {
  try {
    return { faults: [], warnings: warningsOf(readCredentials(files)) };
  } catch (error) {
    if (error instanceof CredentialsError) {
      return { faults: error.faults, warnings: [] };
    }
    throw error;
  }
}

export function readFilesNow({ cert, key, clientCa }: CredentialFiles): FileContents {
  const content = (path: string): string | Error => {
    try {
      return readFileSync(path, 'utf8');
    } catch (error) {
      return error as Error;
    }
  };
  return {
    cert: content(cert.path),
    key: content(key.path),
    clientCa: clientCa && content(clientCa.path),
  };
}

/** @throws HangingCallError their disk hangs: what they hold is open */
export async function readFiles({ cert, key, clientCa }: CredentialFiles): Promise<FileContents> {
  const content = async (path: string): Promise<string | Error> => {
    try {
      return (await readFileInTime(path)).toString();
    } catch (error) {
      if (error instanceof HangingCallError) {
        throw error;
      }
      return error as Error;
    }
  };
  return {
    cert: await content(cert.path),
    key: await content(key.path),
    clientCa: clientCa && (await content(clientCa.path)),
  };
}
