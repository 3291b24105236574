import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Reader, Response } from 'maxmind';
import type { Fault } from '../../../config/configuration-error.js';
import { fileFailure } from '../../../config/file-failure.js';
import { BoundedTable } from '../../bounded-table.js';
import { BUILTIN, type GeoOptions } from './geo.options.js';

/** Stands before a database's metadata, which are at its end, within so many bytes. */
const METADATA_MARKER = Buffer.from('\xAB\xCD\xEFMaxMind.com', 'latin1');
const MAX_METADATA_BYTES = 128 * 1024;

/** Most look-ups end at a record that was decoded before. */
const MAX_CACHED_RECORDS = 4096;

const BUILTIN_FILE = '@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb';

/** A file cannot be used as a database. The message has no path. */
export class UnusableDatabaseError extends Error {
  override readonly name = 'UnusableDatabaseError';
}

/** @param database as `GEOIP_DB` names it */
export function pathOfDatabase(database: string): string {
  return database === BUILTIN ? createRequire(import.meta.url).resolve(BUILTIN_FILE) : database;
}

/**
 * Opens a database that is in memory as a whole.
 * @throws UnusableDatabaseError
 */
export async function openDatabase(bytes: Buffer): Promise<Reader<Response>> {
  // Who turns the look-ups off does not pay for the library.
  const { Reader } = await import('maxmind');
  try {
    const cache = new BoundedTable<unknown, string | number>(MAX_CACHED_RECORDS);
    const reader = new Reader<Response>(bytes, { cache });
    assertWhole(reader, bytes);
    return reader;
  } catch (error) {
    throw error instanceof UnusableDatabaseError ? error : noDatabase();
  }
}

/** What stops the start; for the check of the configuration. It looks at the ends of the files alone. */
export function databaseFaults({ databases, isOff }: GeoOptions): Fault[] {
  return (isOff ? [] : databases).flatMap((database) => {
    try {
      assertDatabase(pathOfDatabase(database));
      return [];
    } catch (error) {
      return [{ name: 'GEOIP_DB', reason: (error as Error).message }];
    }
  });
}

function assertDatabase(path: string): void {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    const { size } = fstatSync(file);
    const end = Buffer.alloc(Math.min(size, MAX_METADATA_BYTES));
    readSync(file, end, 0, end.length, size - end.length);
    if (!end.includes(METADATA_MARKER)) {
      throw noDatabase();
    }
  } catch (error) {
    throw error instanceof UnusableDatabaseError ? error : unreadable(error);
  } finally {
    if (file !== undefined) {
      closeSync(file);
    }
  }
}

export function unreadable(error: unknown): UnusableDatabaseError {
  return new UnusableDatabaseError(`names a file that cannot be read: ${fileFailure(error)}`);
}

function noDatabase(): UnusableDatabaseError {
  return new UnusableDatabaseError(
    'names a file that is no whole MMDB database; download it again, and unpack it',
  );
}

/** A file that was cut, or written over in part, is found by what look-ups all over it do. */
function assertWhole(reader: Reader<Response>, bytes: Buffer): void {
  const { binaryFormatMajorVersion, searchTreeSize, ipVersion } = reader.metadata;
  if (binaryFormatMajorVersion !== 2 || searchTreeSize >= bytes.length) {
    throw noDatabase();
  }
  for (let first = 0; first < 256; first += 1) {
    reader.get(`${first}.${first}.1.1`);
    if (ipVersion === 6) {
      reader.get(`2${first.toString(16).padStart(3, '0')}:${first.toString(16)}::1`);
    }
  }
}
