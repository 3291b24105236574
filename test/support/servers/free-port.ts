import { once } from 'node:events';
import { createServer } from 'node:net';

/** The system gives none of these (32768 and up) to those who leave it the choice. */
const PORTS = { from: 12_000, count: 20_000 };
/** Workers that run at the same time differ in this number, and each has a share of the ports. */
const SHARE = 2000;
const WORKER = Number(process.env['VITEST_POOL_ID'] ?? 0) % (PORTS.count / SHARE);
/** Those that follow each other in one place: where the last one began, a port may be in use still. */
const EACH_PROCESS = 20;

let asked = 0;

/**
 * For a server that takes no port 0, or has to come back at the same one. Nobody listens there now, and what listens
 * on port 0 meanwhile, in a test that runs beside this one, does not get it.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const place = WORKER * SHARE + ((process.pid * EACH_PROCESS + asked) % SHARE);
    asked += 1;
    const port = PORTS.from + place;
    if (await isFree(port)) {
      return port;
    }
  }
}

async function isFree(port: number): Promise<boolean> {
  const probe = createServer().listen(port, '127.0.0.1');
  try {
    await once(probe, 'listening');
  } catch {
    return false;
  }
  probe.close();
  await once(probe, 'close');
  return true;
}
