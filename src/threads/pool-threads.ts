import { readdir, readFile } from 'node:fs/promises';

/** How many threads the pool has, by the names that libuv gives them; undefined where the system does not tell. */
export async function countPoolThreads(): Promise<number | undefined> {
  try {
    const tasks = await readdir('/proc/self/task');
    const names = await Promise.all(
      // A thread may have ended since.
      tasks.map((id) => readFile(`/proc/self/task/${id}/comm`, 'utf8').catch(() => '')),
    );
    return names.filter((name) => name.startsWith('libuv-worker')).length || undefined;
  } catch {
    return undefined;
  }
}
