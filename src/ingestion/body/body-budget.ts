import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * From the request's headers to the end of its answer. The body has 30 s to arrive; without an end, a client that
 * reads its answer byte by byte would hold its share for hours.
 */
const MAX_HELD_MS = 60_000;

/** Bounds the bytes of all the bodies that are in flight, as received and as decompressed. */
export class BodyBudget {
  private used = 0;
  /** A response that waits for others on a connection never closes when the connection is cut. */
  private readonly openShares = new WeakMap<Socket, Set<BodyShare>>();

  constructor(
    readonly limitBytes: number,
    private readonly maxHeldMs = MAX_HELD_MS,
  ) {}

  get usedBytes(): number {
    return this.used;
  }

  hasRoomFor(bytes: number): boolean {
    return this.used + bytes <= this.limitBytes;
  }

  /** The share of one request; it comes back when the response is over, or the connection, which is cut when that takes too long. */
  open({ socket }: IncomingMessage, response: ServerResponse): BodyShare {
    const share = new BodyShare(this);
    const shares = this.sharesOf(socket);
    shares.add(share);
    const tooLong = setTimeout(() => socket.destroy(), this.maxHeldMs).unref();
    response.once('close', () => {
      clearTimeout(tooLong);
      shares.delete(share);
      share.release();
    });
    return share;
  }

  /** For shares only. */
  change(bytes: number): void {
    this.used += bytes;
  }

  private sharesOf(socket: Socket): Set<BodyShare> {
    const known = this.openShares.get(socket);
    if (known !== undefined) {
      return known;
    }
    const shares = new Set<BodyShare>();
    this.openShares.set(socket, shares);
    socket.once('close', () => {
      for (const share of shares) {
        share.release();
      }
    });
    return shares;
  }
}

export class BodyShare {
  private takenBytes = 0;
  private released = false;

  constructor(private readonly budget: BodyBudget) {}

  /** @returns false when the budget is used up, or the request over: nothing was taken then */
  take(bytes: number): boolean {
    if (this.released || !this.budget.hasRoomFor(bytes)) {
      return false;
    }
    this.takenBytes += bytes;
    this.budget.change(bytes);
    return true;
  }

  release(): void {
    this.released = true;
    this.budget.change(-this.takenBytes);
    this.takenBytes = 0;
  }
}
