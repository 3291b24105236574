import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * From the request's headers to the end of its answer. The body has 30 s to arrive; without an end, a client that
 * reads its answer byte by byte would hold its share for hours.
 */
const MAX_HELD_MS = 60_000;
/** A body is measured over windows of this length; so long it may also say nothing. */
const WINDOW_MS = 1_000;
/** A body that comes more slowly gives way when there is no room: MAX_BODY_BYTES would not arrive in time anyway. */
const MIN_BYTES_A_MS = 16;
/** A look goes through all bodies that arrive: it must not be had for the price of a packet. */
const LOOK_INTERVAL_MS = 100;

/** Bounds the bytes of all the bodies that are in flight, as received and as decompressed. */
export class BodyBudget {
  private used = 0;
  /** A response that waits for others on a connection never closes when the connection is cut. */
  private readonly openShares = new WeakMap<Socket, Set<BodyShare>>();
  /** In the order in which they began. */
  private readonly arriving = new Set<BodyShare>();
  private lookedAtMs = -Infinity;

  constructor(
    readonly limitBytes: number,
    private readonly maxHeldMs = MAX_HELD_MS,
  ) {}

  get usedBytes(): number {
    return this.used;
  }

  /** Whether there is room now; bodies that come too slowly give way for it. */
  hasRoomFor(bytes: number): boolean {
    return this.used + bytes <= this.limitBytes || this.makeRoomFor(bytes);
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

  /** For shares only: one of whose body more is to arrive, or nothing any more. */
  setArriving(share: BodyShare, arriving: boolean): void {
    if (arriving) {
      this.arriving.add(share);
    } else {
      this.arriving.delete(share);
    }
  }

  private makeRoomFor(bytes: number): boolean {
    const now = performance.now();
    if (now - this.lookedAtMs < LOOK_INTERVAL_MS) {
      return false;
    }
    this.lookedAtMs = now;
    for (const share of this.arriving) {
      share.giveWayIfSlow(now);
    }
    return this.used + bytes <= this.limitBytes;
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
  private giveWay: (() => void) | undefined;
  private windowBeganMs = 0;
  private windowBytes = 0;
  private lastPieceMs = 0;

  constructor(private readonly budget: BodyBudget) {}

  /**
   * More of its body follows the piece that was taken.
   * @param giveWay refuses the body: it comes too slowly, and the room is needed. The share is released then.
   */
  arrives(giveWay: () => void): void {
    if (this.giveWay === undefined && !this.released) {
      this.giveWay = giveWay;
      this.windowBeganMs = this.lastPieceMs = performance.now();
      this.windowBytes = this.takenBytes;
      this.budget.setArriving(this, true);
    }
  }

  hasArrived(): void {
    if (this.giveWay) {
      this.giveWay = undefined;
      this.budget.setArriving(this, false);
    }
  }

  /** @returns false when the budget is used up, or the request over: nothing was taken then */
  take(bytes: number): boolean {
    if (this.giveWay) {
      this.measure(bytes);
    }
    // Making room may release this one.
    if (this.released || !this.budget.hasRoomFor(bytes) || this.released) {
      return false;
    }
    this.takenBytes += bytes;
    this.budget.change(bytes);
    return true;
  }

  release(): void {
    this.hasArrived();
    this.released = true;
    this.budget.change(-this.takenBytes);
    this.takenBytes = 0;
  }

  /** For the budget only. */
  giveWayIfSlow(nowMs: number): void {
    const { giveWay } = this;
    if (giveWay && this.isSlow(nowMs)) {
      this.release();
      giveWay();
    }
  }

  private measure(bytes: number): void {
    const now = performance.now();
    if (now - this.windowBeganMs > WINDOW_MS) {
      this.windowBeganMs = this.lastPieceMs;
      this.windowBytes = 0;
    }
    this.windowBytes += bytes;
    this.lastPieceMs = now;
  }

  private isSlow(nowMs: number): boolean {
    const elapsed = nowMs - this.windowBeganMs;
    return (
      nowMs - this.lastPieceMs > WINDOW_MS ||
      (elapsed > WINDOW_MS / 2 && this.windowBytes < elapsed * MIN_BYTES_A_MS)
    );
  }
}
