import { addToBatches, type Batch, batchName, bodyOf, bytesOf, madeAt } from './batches.js';
import { exclusively } from './exclusive.js';
import type { Options } from './options.js';
import { LONGEST_ASKED_MS } from './outcome.js';
import { isSigned, sign } from './signing.js';
import type { Store } from './store.js';
import { send, TIMEOUT_MS } from './transport.js';
import { uuid } from './uuid.js';

/** Events that come one after the other share a request. */
const BATCH_MS = 200;
/** Of the 65,536 that browsers allow a page, which its other scripts share. */
const MAX_FLYING_BYTES = 60_000;
/** While a batch of a page that ended may still be on its way, no other page sends it. */
const LANDING_MS = TIMEOUT_MS + 2000;
/** Between two looks at what is stored. */
const RETRY_MS = 5000;
/** What earlier pages have left waits until this one has loaded. */
const FIRST_RETRY_MS = 1000;
/** Characters. Of `localStorage`, which has room for 2.5 to 5 million, most is the page's own. */
const MAX_STORED = 1_000_000;
/** The collector would replace the `ts` of older ones. */
const MAX_AGE_MS = 7 * 24 * 3_600_000;

export interface Outbox {
  /** While false, nothing is taken, stored or sent. */
  isOpen: boolean;
  add(event: object): void;
  /** Stores what has not arrived, and sends what can be sent, before it returns. */
  end(): void;
  /** Forgets everything that waits. */
  clear(): void;
}

/** Events on their way to the collector: in memory while that is reachable, in the store from the first failure on. */
export function createOutbox(store: Store, options: Options): Outbox {
  let waiting: Batch[] = [];
  /** By name. */
  const flying = new Map<string, Batch>();
  let isPaused = false;
  let failures = 0;
  let flushTimer: ReturnType<typeof setTimeout> | undefined;
  let retryTimer: ReturnType<typeof setTimeout> | undefined;
  const outbox: Outbox = { isOpen: options.consent !== 'required', add, end, clear };

  const flyingBytes = (): number => {
    let sum = 0;
    flying.forEach(({ bytes }) => (sum += bytes));
    return sum;
  };

  /** The oldest first. */
  const storedNames = (): string[] => store.names().filter(madeAt).sort();

  function add(event: object): void {
    addToBatches(waiting, JSON.stringify(event), () => batchName(uuid()));
    void Promise.resolve().then(document.hidden ? end : signWaiting);
    flushTimer ??= setTimeout(flush, BATCH_MS);
  }

  /** At page end there is no time to sign. */
  function signWaiting(): void {
    for (const batch of isSigned(options) ? waiting : []) {
      const { events, signature } = batch;
      if (!signature) {
        sign(bodyOf(batch), options).then(
          (made) => {
            if (batch.events === events) {
              batch.signature = made;
            }
          },
          () => {},
        );
      }
    }
  }

  async function flush(): Promise<void> {
    let batch: Batch | undefined;
    while ((batch = waiting.shift())) {
      if (isPaused) {
        keep(batch, 0);
      } else {
        await deliver(batch);
      }
    }
    flushTimer = undefined;
  }

  function end(): void {
    for (const batch of waiting) {
      const isSent = !isPaused && flyingBytes() + batch.bytes <= MAX_FLYING_BYTES;
      keep(batch, isSent ? LANDING_MS : 0);
      if (isSent) {
        void deliver(batch);
      }
    }
    if (waiting.length > 0 && !isPaused) {
      retryIn(RETRY_MS);
    }
    waiting = [];
    flying.forEach((batch) => keep(batch, LANDING_MS));
  }

  /** @param restMs no page sends it before */
  function keep(batch: Batch, restMs: number): void {
    if (!outbox.isOpen) {
      return;
    }
    batch.isStored = true;
    store.write(batch.name, `${Date.now() + restMs},${batch.events}`);
    let room = MAX_STORED;
    for (const name of storedNames().reverse()) {
      room -= (store.read(name) ?? '').length;
      if (room < 0) {
        store.remove(name);
      }
    }
  }

  /** @returns whether it is done with */
  async function deliver(batch: Batch): Promise<boolean> {
    flying.set(batch.name, batch);
    const wait = await send(batch, options, flyingBytes() <= MAX_FLYING_BYTES, failures);
    flying.delete(batch.name);
    if (!wait) {
      failures = 0;
      store.remove(batch.name);
      return true;
    }
    failures += 1;
    isPaused = true;
    // What was stored and is not there any more has been sent by another page.
    if (!batch.isStored || store.read(batch.name)) {
      keep(batch, wait);
    }
    retryIn(wait);
    return false;
  }

  function retryIn(ms: number): void {
    clearTimeout(retryTimer);
    retryTimer = setTimeout(retry, ms);
  }

  async function retry(): Promise<void> {
    isPaused = false;
    if (!outbox.isOpen || (storedNames().length > 0 && !(await exclusively(drain)))) {
      retryIn(RETRY_MS);
    }
  }

  /** @returns whether something was removed */
  async function drain(): Promise<boolean> {
    let hasRemoved = false;
    for (const name of storedNames()) {
      const now = Date.now();
      const text = store.read(name) ?? '';
      const restMs = parseInt(text) - now;
      if (Math.abs(now - madeAt(name)) > MAX_AGE_MS) {
        store.remove(name);
      } else if (flying.has(name) || (restMs > 0 && restMs < LONGEST_ASKED_MS)) {
        retryIn(RETRY_MS);
      } else if (text) {
        const events = text.slice(text.indexOf(',') + 1);
        if (!(await deliver({ name, events, bytes: bytesOf(events) + 2, isStored: true }))) {
          break;
        }
        hasRemoved = true;
      }
    }
    return hasRemoved;
  }

  function clear(): void {
    waiting = [];
    storedNames().forEach(store.remove);
  }

  retryIn(FIRST_RETRY_MS);
  return outbox;
}
