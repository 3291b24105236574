import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { balancedBooks } from './books.js';
import { type Collector, sumOf, until, type Workplace } from './collector.js';
import { Load } from './load.js';

const WIDTH = 4;
const POLL_MS = 50;
const ENOUGH = 20;

/** Who only wants to send events and look at the metrics, while others do worse. */
export class Bystander {
  private readonly load: Load;
  private readonly polled: { readonly path: string; readonly status: number | string }[] = [];
  private readonly polling: Promise<unknown>;
  private leaving = false;

  constructor(
    private readonly workplace: Workplace,
    private readonly collector: Collector,
  ) {
    this.load = new Load(collector.port, 'good');
    this.load.start(WIDTH);
    this.polling = Promise.all([
      this.poll(`${collector.url}/healthz`),
      this.poll(`${collector.metricsUrl}/healthz`),
      this.poll(`${collector.metricsUrl}/metrics`),
    ]);
  }

  /** Waits until it was served some more on both addresses; what it sent was answered with 2xx. */
  async served(): Promise<void> {
    const events = this.load.acknowledged.size;
    const polls = this.polled.length;
    await until(() => this.answered >= events + ENOUGH && this.polled.length >= polls + ENOUGH / 2);
  }

  get answered(): number {
    return this.load.acknowledged.size;
  }

  /**
   * Stops, and sees that no harm was done: it was always served, no answer was a 5xx (but those named),
   * what is in the log is what it and the others have sent, each at most once, and the books balance.
   * @param mayBeThere whether the event may have come from one of the others
   * @returns ids of their events
   */
  async leave(
    mayBeThere: (id: string) => boolean,
    allowed: readonly string[] = [],
  ): Promise<string[]> {
    this.leaving = true;
    await this.polling;
    await this.load.stop();
    expect(
      this.load.others.filter((answer) => !allowed.includes(String(answer))),
      'answers to a good client',
    ).toEqual([]);
    expect(this.polled.filter(({ status }) => status !== 200)).toEqual([]);

    await this.collector.drained();
    const logged = (await this.workplace.logged()).map(({ event_id }) => event_id);
    const theirs = logged.filter((id) => !this.load.sent.has(id));
    const ours = logged.filter((id) => this.load.sent.has(id));
    expect(new Set(ours)).toEqual(this.load.acknowledged);
    expect(theirs.filter((id) => !mayBeThere(id))).toEqual([]);
    expect(logged.length, 'events that are there twice').toBe(new Set(logged).size);

    const samples = await this.collector.metrics();
    const failures = samples.filter(
      ({ name, labels, value }) =>
        name === 'gotrack_http_requests_total' &&
        value > 0 &&
        /^5/.test(labels['status'] ?? '') &&
        !allowed.includes(labels['status'] ?? ''),
    );
    expect(failures).toEqual([]);
    const books = await balancedBooks(this.collector);
    expect(books.sinks.get('log')?.accepted).toBe(logged.length);
    expect(sumOf(samples, 'gotrack_events_accepted_total')).toBe(logged.length);
    expect(await this.collector.stop()).toBe(0);
    return theirs;
  }

  private async poll(url: string): Promise<void> {
    while (!this.leaving) {
      this.polled.push({ path: url, status: await statusOf(url) });
      await sleep(POLL_MS);
    }
  }
}

/** On a connection of its own, as a probe asks. */
async function statusOf(url: string): Promise<number | string> {
  try {
    const response = await fetch(url, { headers: { connection: 'close' } });
    await response.arrayBuffer();
    return response.status;
  } catch (error) {
    return String((error as Error).cause ?? error);
  }
}
