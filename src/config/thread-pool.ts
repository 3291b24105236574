/**
 * Threads for the calls of all parts of the process that wait for a disk or a resolver. Each part has so few under way that
 * those which hang leave some to the queue: with every disk but the queue's, and every resolver hanging, about 25 are held.
 */
export const POOL_THREADS = 32;

const VARIABLE = 'UV_THREADPOOL_SIZE';

// libuv reads it when it needs the first thread: this module is to be imported before any other.
if (!(Number(process.env[VARIABLE]) >= POOL_THREADS)) {
  process.env[VARIABLE] = String(POOL_THREADS);
}
