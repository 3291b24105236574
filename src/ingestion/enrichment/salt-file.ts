import { constants } from 'node:fs';
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ifMissing } from '../../disk/missing.js';
import { removeFile } from '../../disk/remove-file.js';
import { syncDirectory } from '../../disk/sync-directory.js';

export const SALT_BYTES = 32;

/** The salt of a UTC day. */
export interface DaySalt {
  /** Such as `2026-11-26`. */
  readonly day: string;
  readonly salt: Buffer;
}

const LINE = /^(?<day>\d{4}-\d\d-\d\d) (?<salt>[\da-f]{64})\n$/;

/** @returns undefined when there is none, or none that can be read */
export async function readSalt(path: string): Promise<DaySalt | undefined> {
  const line = await readFile(path, 'latin1').catch(ifMissing(''));
  const { day, salt } = LINE.exec(line)?.groups ?? {};
  return day === undefined || salt === undefined
    ? undefined
    : { day, salt: Buffer.from(salt, 'hex') };
}

/** Writes over the one before, on its own blocks: a new file beside it would leave them on the disk as they are. */
export async function writeSalt(path: string, { day, salt }: DaySalt): Promise<void> {
  const line = Buffer.from(`${day} ${salt.toString('hex')}\n`);
  const file = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600);
  try {
    await file.chmod(0o600);
    await overwrite(file, line);
  } finally {
    await file.close();
  }
  await syncDirectory(dirname(path));
}

/** Also when there is none. */
export async function destroySalt(path: string): Promise<void> {
  const file = await open(path, 'r+').catch(ifMissing(undefined));
  if (file === undefined) {
    return;
  }
  try {
    await overwrite(file, Buffer.alloc(0));
  } finally {
    await file.close();
  }
  await removeFile(path);
}

/** Durable when it resolves. A longer file is filled with zeros before it is cut. */
async function overwrite(file: FileHandle, content: Buffer): Promise<void> {
  const { size } = await file.stat();
  const bytes = Buffer.alloc(Math.max(size, content.length));
  content.copy(bytes);
  await file.write(bytes, 0, bytes.length, 0);
  await file.sync();
  if (bytes.length > content.length) {
    await file.truncate(content.length);
    await file.sync();
  }
}
