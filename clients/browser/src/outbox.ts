import { addToBatches, type Batch } from './batches.js';
import { exclusively } from './exclusive.js';
import { settings } from './settings.js';
import { signAhead } from './signing.js';
import { read, remove, removeAll } from './store.js';
import { batchNames, dueBatch, keepBatch, trimBatches } from './stored-batches.js';
import { send, TIMEOUT_MS } from './transport.js';

/*
 * Events on their way to the collector: in memory while that is reachable, in the store from the first failure on.
 */

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

/** While false, nothing is taken, stored or sent. */
export let isAllowed = false;
let waiting: Batch[] = [];
/** By name. */
const flying = new Map<string, Batch>();
let flyingBytes = 0;
let isPaused = false;
let failures = 0;
let hasTurn = false;
let flushTimer: ReturnType<typeof setTimeout> | undefined;
let retryTimer: ReturnType<typeof setTimeout> | undefined;

export function openOutbox(): void {
  isAllowed = settings.consent !== 'required';
  retryIn(FIRST_RETRY_MS);
  addEventListener('online', () => retryIn(0));
}

/** @param allowed false: what waits and what is stored is forgotten, too */
export function allow(allowed: boolean): void {
  if (allowed && !isAllowed) {
    retryIn(FIRST_RETRY_MS);
  }
  isAllowed = allowed;
  if (!allowed) {
    waiting = [];
    removeAll();
  }
}

/** Throws what `JSON.stringify` throws. */
export function enqueue(event: object): void {
  addToBatches(waiting, JSON.stringify(event));
  flushTimer ??= setTimeout(() => void flush(), BATCH_MS);
  if (!hasTurn) {
    hasTurn = true;
    void Promise.resolve().then(takeTurn);
  }
}

/** After the page's script, so that all events of its turn are signed, or sent, at once. */
function takeTurn(): void {
  hasTurn = false;
  if (document.hidden) {
    endOutbox();
  } else {
    signAhead(waiting);
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
  trimBatches();
}

/** At page end: stores what has not arrived, and sends what can be sent, before it returns. */
export function endOutbox(): void {
  let batch: Batch | undefined;
  // Taken out last: Firefox cuts a listener off when it closes the page, and the next one does the rest.
  while ((batch = waiting[0])) {
    const isSent = !isPaused && flyingBytes + batch.bytes <= MAX_FLYING_BYTES;
    keep(batch, isSent ? LANDING_MS : 0);
    if (isSent) {
      void deliver(batch);
    } else if (!isPaused) {
      retryIn(RETRY_MS);
    }
    waiting.shift();
  }
  flying.forEach((sent) => keep(sent, LANDING_MS));
  trimBatches();
}

function keep(batch: Batch, restMs: number): void {
  // What was stored and is not there any more has been sent by another page.
  if (isAllowed && (!batch.isStored || read(batch.name))) {
    keepBatch(batch, restMs);
  }
}

/** @returns whether it is done with */
async function deliver(batch: Batch): Promise<boolean> {
  const { name, bytes } = batch;
  flying.set(name, batch);
  flyingBytes += bytes;
  const wait = await send(batch, flyingBytes <= MAX_FLYING_BYTES, failures);
  flying.delete(name);
  flyingBytes -= bytes;
  if (!wait) {
    failures = 0;
    remove(name);
    return true;
  }
  failures += 1;
  isPaused = true;
  keep(batch, wait);
  retryIn(wait);
  return false;
}

function retryIn(ms: number): void {
  clearTimeout(retryTimer);
  retryTimer = setTimeout(() => void retry(), ms);
}

async function retry(): Promise<void> {
  isPaused = false;
  if (isAllowed && batchNames().length > 0 && !(await exclusively(drain))) {
    retryIn(RETRY_MS);
  }
}

/** @returns whether something was removed */
async function drain(): Promise<boolean> {
  let hasRemoved = false;
  for (const name of batchNames()) {
    const batch = flying.has(name) ? undefined : dueBatch(name);
    if (!batch) {
      retryIn(RETRY_MS);
    } else if (await deliver(batch)) {
      hasRemoved = true;
    } else {
      break;
    }
  }
  return hasRemoved;
}
