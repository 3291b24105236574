import { withTimeout } from './with-timeout.js';

/** A call has not returned in time, and whether it ever will is open: it still holds its thread. */
export class HangingCallError extends Error {
  override readonly name = 'HangingCallError';
}

interface Call {
  readonly outcome: Promise<unknown>;
  readonly begunAt: number;
  isOverdue: boolean;
  hasReturned: boolean;
}

/** In the whole process. */
let underWay = 0;

/** How many have not returned, overdue or not. */
export function boundedCallsUnderWay(): number {
  return underWay;
}

/**
 * Calls that may never return, as on a disk that hangs. Each holds one of the few threads that all parts of the process
 * share: once one is overdue, no other is begun until it has returned.
 */
export class BoundedCalls {
  /** Those under way, and overdue ones until their outcome was asked for. */
  private readonly calls = new Map<unknown, Call>();

  constructor(
    /** What does not answer when a call hangs: errors begin with it. */
    private readonly target: string,
    private readonly limitMs: number,
  ) {}

  get hangs(): boolean {
    return this.hanging !== undefined;
  }

  /**
   * @param call uses one thread at a time
   * @param key the same one means the same call: it is shared while it is under way, and one that came back too late is not
   * made a second time when it is asked for next
   * @throws HangingCallError after the limit, and at once while an earlier call hangs
   */
  async run<T>(call: () => Promise<T>, key: unknown = Symbol('a call of its own')): Promise<T> {
    const same = this.calls.get(key);
    this.forgetReturned();
    this.assertNoneHangs();
    return this.untilOverdue(same ?? this.begin(key, call)) as Promise<T>;
  }

  /** @throws HangingCallError */
  assertNoneHangs(): void {
    const { hanging } = this;
    if (hanging) {
      throw this.hangingFor(performance.now() - hanging.begunAt);
    }
  }

  private hangingFor(ms: number): HangingCallError {
    const seconds = Math.max(1, Math.round(ms / 1000));
    return new HangingCallError(`${this.target} has not answered for ${seconds} s`);
  }

  private get hanging(): Call | undefined {
    return [...this.calls.values()].find(({ isOverdue, hasReturned }) => isOverdue && !hasReturned);
  }

  private forgetReturned(): void {
    for (const [key, { hasReturned }] of this.calls) {
      if (hasReturned) {
        this.calls.delete(key);
      }
    }
  }

  private begin(key: unknown, make: () => Promise<unknown>): Call {
    const call: Call = {
      outcome: make(),
      begunAt: performance.now(),
      isOverdue: false,
      hasReturned: false,
    };
    this.calls.set(key, call);
    underWay += 1;
    const returned = (): void => {
      call.hasReturned = true;
      underWay -= 1;
      if (!call.isOverdue) {
        this.calls.delete(key);
      }
    };
    call.outcome.then(returned, returned);
    return call;
  }

  private untilOverdue(call: Call): Promise<unknown> {
    return withTimeout(call.outcome, this.limitMs, () => {
      call.isOverdue = true;
      return this.hangingFor(this.limitMs);
    });
  }
}
