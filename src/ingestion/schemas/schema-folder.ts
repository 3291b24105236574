import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileFailure } from '../../config/file-failure.js';
import { stampOf } from '../../config/follow-file.js';
import { HangingCallError } from '../../threads/bounded-calls.js';
import { readFileInTime } from '../../threads/read-file.js';
import { EventSchema } from './event-schema.js';
import { UnusableSchemaError } from './unusable-schema-error.js';

const SUFFIX = '.json';
/** Each is a series of the metrics, and is looked at each second. */
const MAX_FILES = 1000;

/** Stamps of the files of a folder, by their names. */
export type SchemaFiles = ReadonlyMap<string, string>;

/** @throws UnusableSchemaError the folder cannot be read, has no schema, or has too many */
export async function listSchemas(folder: string): Promise<SchemaFiles> {
  const names = await readdir(folder).catch((error: unknown) => {
    throw new UnusableSchemaError(`names a folder that cannot be read: ${fileFailure(error)}`);
  });
  const schemas = names.filter((name) => name.endsWith(SUFFIX) && !name.startsWith('.')).toSorted();
  if (schemas.length === 0) {
    throw new UnusableSchemaError('names a folder without a schema, such as signup.json');
  }
  if (schemas.length > MAX_FILES) {
    throw new UnusableSchemaError(`names a folder of more than ${MAX_FILES} schemas`);
  }
  const stamps = new Map<string, string>();
  // One after the other: a disk that hangs takes one thread.
  for (const name of schemas) {
    stamps.set(name, await stampOf(join(folder, name)));
  }
  return stamps;
}

/** Another text when a file of the folder was replaced, added or removed. */
export async function stampOfFolder(folder: string): Promise<string> {
  try {
    return JSON.stringify([...(await listSchemas(folder))]);
  } catch (error) {
    return (error as Error).message;
  }
}

/** The type whose events a file is for. A slash in it is written `%2F`, as no file may be named so, and `%` is `%25`. */
export function typeOfFile(name: string): string {
  return name.slice(0, -SUFFIX.length).replaceAll('%2F', '/').replaceAll('%25', '%');
}

/**
 * @throws UnusableSchemaError
 * @throws HangingCallError its disk hangs
 */
export async function readSchema(path: string): Promise<EventSchema> {
  const bytes = await readFileInTime(path).catch((error: unknown) => {
    throw error instanceof HangingCallError
      ? error
      : new UnusableSchemaError(`cannot be read: ${fileFailure(error)}`);
  });
  return EventSchema.compile(bytes);
}
