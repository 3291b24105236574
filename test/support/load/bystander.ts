import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { balancedBooks } from './books.js';
import { type Collector, sumOf, until, type Workplace } from '../servers/collector.js';
import { Load } from './load.js';
import { probe } from '../servers/probe.js';

const WIDTH = 4;
const POLL_MS = 50;
const ENOUGH = 20;

export interface Poll {
  readonly url: string;
  /** Of the answer, or why there was none. */
  readonly status: number | string;
}

/** Who only wants to send events and look at the metrics, while others do worse. */
export class Bystander {
  readonly load: Load;
  readonly polls: Poll[] = [];
  private readonly polling: Promise<unknown>;
  private leaving = false;

  constructor(
    readonly workplace: Workplace,
    readonly collector: Collector,
  ) {
    this.load = new Load(collector.port, 'good');
    this.load.start(WIDTH);
    this.polling = Promise.all([
      this.poll(`${collector.url}/healthz`),
      this.poll(`${collector.metricsUrl}/healthz`),
      this.poll(`${collector.metricsUrl}/metrics`),
    ]);
  }

  get answered(): number {
    return this.load.acknowledged.size;
  }

  /** Waits until it was served some more on both addresses. */
  async served(): Promise<void> {
    const events = this.answered;
    const polls = this.polls.length;
    await until(() => this.answered >= events + ENOUGH && this.polls.length >= polls + ENOUGH / 2);
  }

  async leave(): Promise<void> {
    this.leaving = true;
    await this.polling;
    await this.load.stop();
    await this.load.sendLast();
  }

  private async poll(url: string): Promise<void> {
    while (!this.leaving) {
      this.polls.push({ url, status: await probe(url) });
      await sleep(POLL_MS);
    }
  }
}

/**
 * The bystander leaves, and was not harmed: it was always served, no answer was a 5xx (but those allowed), what
 * is in the log is what it and the others have sent, each at most once, the books balance, and the program
 * ends in order.
 * @param mayBeThere whether an event may have come from one of the others
 * @returns ids of their events
 */
export async function leaveUnharmed(
  bystander: Bystander,
  mayBeThere: (id: string) => boolean,
  allowed: readonly string[] = [],
): Promise<string[]> {
  await bystander.leave();
  const { load, polls, collector, workplace } = bystander;
  const refusals = load.others.filter((answer) => !allowed.includes(String(answer)));
  expect(refusals, 'answers to a good client').toEqual([]);
  expect(polls.filter(({ status }) => status !== 200)).toEqual([]);

  await collector.drained();
  const logged = (await workplace.logged()).map(({ event_id }) => event_id);
  expect(logged.length, 'events that are there twice').toBe(new Set(logged).size);
  const ours = logged.filter((id) => load.sent.has(id));
  expect(new Set(ours)).toEqual(load.acknowledged);
  const theirs = logged.filter((id) => !load.sent.has(id));
  expect(theirs.filter((id) => !mayBeThere(id))).toEqual([]);

  const samples = await collector.metrics();
  const failures = samples.filter(({ name, labels: { status = '' }, value }) => {
    const failed = name === 'gotrack_http_requests_total' && status.startsWith('5') && value > 0;
    return failed && !allowed.includes(status);
  });
  expect(failures).toEqual([]);
  const books = await balancedBooks(collector);
  expect(books.sinks.get('log')?.accepted).toBe(logged.length);
  expect(sumOf(samples, 'gotrack_events_accepted_total')).toBe(logged.length);
  expect(await collector.stop()).toBe(0);
  return theirs;
}
