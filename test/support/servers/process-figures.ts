import { existsSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Whether the kernel tells what is asked here. */
export const hasProcessFigures = existsSync('/proc/self/io');

/** Memory that the process has in use now, bytes. */
export async function residentBytes(pid: number): Promise<number> {
  return 1024 * (await figureIn(`/proc/${pid}/status`, 'VmRSS'));
}

export async function peakResidentBytes(pid: number): Promise<number> {
  return 1024 * (await figureIn(`/proc/${pid}/status`, 'VmHWM'));
}

/** User and system time of all its threads, seconds. */
export async function cpuSeconds(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? [];
  const ticksPerSecond = 100;
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/** What the process has read since it began, from whatever file, bytes. */
export function bytesRead(pid: number): Promise<number> {
  return figureIn(`/proc/${pid}/io`, 'rchar');
}

/** Disk space that the files of a directory take, bytes; of one that comes and goes meanwhile, perhaps nothing. */
export async function diskSpaceOf(directory: string): Promise<number> {
  const names = await readdir(directory);
  const sizes = await Promise.all(
    names.map((name) =>
      stat(join(directory, name)).then(
        ({ blocks }) => blocks * 512,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function figureIn(path: string, name: string): Promise<number> {
  const text = await readFile(path, 'utf8');
  const value = new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1];
  if (value === undefined) {
    throw new Error(`no ${name} in ${path}`);
  }
  return Number(value);
}
