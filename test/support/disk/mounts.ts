import { execFileSync } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';

/** Whether this process may mount, as root may outside a container. Tried where nobody else sees it. */
export function canMount(): boolean {
  try {
    const mount = ['mount', '-t', 'tmpfs', 'tmpfs', tmpdir()];
    execFileSync('unshare', ['--mount', ...mount], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Runs `use` while a file system of that size is mounted at `mountPoint`, a new directory. */
export async function withSmallFileSystem(
  mountPoint: string,
  use: () => Promise<void>,
  kibibytes = 256,
): Promise<void> {
  await mkdir(mountPoint);
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${kibibytes}k`, 'tmpfs', mountPoint]);
  try {
    await use();
  } finally {
    unmount(mountPoint);
  }
}

/** A file that is a mount point can be written, but neither renamed nor removed. */
export async function withMountedFile(path: string, use: () => Promise<void>): Promise<void> {
  execFileSync('mount', ['--bind', path, path]);
  try {
    await use();
  } finally {
    unmount(path);
  }
}

function unmount(path: string): void {
  // Lazy: what still has a file open there keeps it.
  execFileSync('umount', ['--lazy', path]);
}
