import { readdirSync, readFileSync } from 'node:fs';

const TASKS = '/proc/self/task';

/** How many threads the pool has, by the names that libuv gives them; 0 before it is used, and where the system does not tell. */
export function countPoolThreads(): number {
  return poolThreads().length;
}

/** Whether one of them is in the system, and not waiting for work there. False where the system does not tell. */
export function isPoolThreadBlocked(): boolean {
  return poolThreads().some((id) => {
    // The function of the kernel in which it sleeps; 0 while it runs. For work, it waits on a lock.
    const where = about(id, 'wchan');
    return where !== '' && where !== '0' && !where.includes('futex');
  });
}

function poolThreads(): string[] {
  try {
    return readdirSync(TASKS).filter((id) => about(id, 'comm').startsWith('libuv-worker'));
  } catch {
    return [];
  }
}

/** Empty for a thread that has ended. */
function about(id: string, file: string): string {
  try {
    return readFileSync(`${TASKS}/${id}/${file}`, 'utf8').trim();
  } catch {
    return '';
  }
}
