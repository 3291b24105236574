import { once } from 'node:events';
import { createServer } from 'node:net';

/** The system gives none of these (32768 and up) to those who leave it the choice. */
const PORTS = { from: 12_000, count: 20_000 };
/** Of processes at the same time, each begins at a place of its own. */
const EACH_PROCESS = 20;

let asked = 0;

/**
 * For a server that takes no port 0, or has to come back at the same one. Nobody listens there now, and what listens
 * on port 0 meanwhile, in a test that runs beside this one, does not get it.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const place = process.pid * EACH_PROCESS + asked;
    asked += 1;
    const port = PORTS.from + (place % PORTS.count);
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
