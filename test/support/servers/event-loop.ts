/** Keeps the thread busy: what comes meanwhile is all there in the same turn. */
export function holdUp(ms: number): void {
  const end = performance.now() + ms;
  let now = 0;
  while (now < end) {
    now = performance.now();
  }
}

/** Counts the turns of the event loop, until it is stopped. */
export class Turns {
  count = 0;
  private stopped = false;

  constructor() {
    setImmediate(() => this.next());
  }

  stop(): void {
    this.stopped = true;
  }

  private next(): void {
    this.count += 1;
    if (!this.stopped) {
      setImmediate(() => this.next());
    }
  }
}
