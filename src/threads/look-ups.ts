import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { BoundedCalls, HangingCallError } from './bounded-calls.js';

/** Shorter than any connection may take. */
const LIMIT_MS = 2000;
/** How many of one user's names are looked up at a time. Half of the pool's threads look names up, for all users. */
const MAX_HANGING = 2;

/** One user's host names, before it connects to them: a look-up that hangs holds a thread, whatever became of the connection. */
export class LookUps {
  private readonly hosts = new Map<string, BoundedCalls>();
  private last: Promise<void> = Promise.resolve();

  constructor(private readonly look: (host: string) => Promise<unknown> = (host) => lookup(host)) {}

  /**
   * Resolves when the name has been looked up, found or not: connecting tells. One name at a time.
   * @throws HangingCallError
   */
  async assertAnswered(host: string): Promise<void> {
    if (isIP(host) !== 0) {
      return;
    }
    const done = this.last.then(() => this.lookUp(host));
    this.last = done.catch(() => undefined);
    await done;
  }

  private async lookUp(host: string): Promise<void> {
    for (const [name, calls] of this.hosts) {
      if (!calls.hangs) {
        this.hosts.delete(name);
      }
    }
    const known = this.hosts.get(host);
    if (!known && this.hosts.size >= MAX_HANGING) {
      throw new HangingCallError(
        `${host} is not looked up while the look-ups of ${[...this.hosts.keys()].join(' and ')} get no answer`,
      );
    }
    const calls = known ?? new BoundedCalls(`the look-up of ${host}`, LIMIT_MS);
    this.hosts.set(host, calls);
    try {
      await calls.run(() => this.look(host), host);
    } catch (error) {
      if (error instanceof HangingCallError) {
        throw error;
      }
    }
  }
}
