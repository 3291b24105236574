import { readdir, readFile } from 'node:fs/promises';

/** What Linux shows of this process; on other systems, nothing. */
export async function virtualMemoryBytes(): Promise<number | undefined> {
  const kibibytes = /^VmSize:\s+(\d+) kB$/m.exec(await read('status'))?.[1];
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
}

/** The soft limit; nothing when there is none. */
export async function maxFileDescriptors(): Promise<number | undefined> {
  const limit = /^Max open files\s+(\d+)/m.exec(await read('limits'))?.[1];
  return limit === undefined ? undefined : Number(limit);
}

export async function openFileDescriptors(): Promise<number | undefined> {
  try {
    // One of them is the directory that is being read.
    return (await readdir('/proc/self/fd')).length - 1;
  } catch {
    return undefined;
  }
}

async function read(file: 'status' | 'limits'): Promise<string> {
  try {
    return await readFile(`/proc/self/${file}`, 'utf8');
  } catch {
    return '';
  }
}
