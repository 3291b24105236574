import { randomUUID } from 'node:crypto';
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from './random.js';

export const ENDPOINTS = ['/px.gif', '/collect'] as const;
export type Endpoint = (typeof ENDPOINTS)[number];

export interface Mix {
  /** How many events have `props.bad`, for a constraint to refuse them. */
  readonly badShare: number;
  /** Of those to `/collect`. */
  readonly textBytes: number;
}

/** Events of one endpoint; the invalid ones are in none but their own. */
interface Figures {
  sent: number;
  acknowledged: number;
  /** Sent beside valid ones. */
  invalid: number;
}

const figures = (): Figures => ({ sent: 0, acknowledged: 0, invalid: 0 });

interface Answer {
  readonly status: number;
  readonly accepted: string | undefined;
}

const WIDTH = 4;
const MAX_PAUSE_MS = 6;
const MAX_EVENTS_A_REQUEST = 6;
/** Of the requests to `/collect`: one of its events is invalid. */
const INVALID_SHARE = 0.05;

/**
 * Sends events with UUIDs to both endpoints over kept-alive connections, in no hurry, until it is stopped or
 * nobody listens any more.
 */
export class MixedLoad {
  /** Ids of the valid events that were sent, whatever became of them. */
  readonly sent = new Set<string>();
  /** Ids of the events that were answered with 2xx. */
  readonly acknowledged = new Set<string>();
  readonly by: Readonly<Record<Endpoint, Figures>> = {
    '/px.gif': figures(),
    '/collect': figures(),
  };
  /** Requests that were under way when the connection broke. */
  cut = 0;
  /** Answers that a collector in order does not give. */
  readonly unexpected: string[] = [];
  private readonly agent = new Agent({ keepAlive: true });
  private port = 0;
  private stopped = false;
  private running: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly random: Random,
    private readonly mix: Mix,
  ) {}

  start(port: number): void {
    this.port = port;
    this.running = Promise.all(
      Array.from({ length: WIDTH }, (_, lane) =>
        this.loop(lane % 2 === 0 ? '/px.gif' : '/collect'),
      ),
    );
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.running;
    this.agent.destroy();
  }

  private async loop(endpoint: Endpoint): Promise<void> {
    while (!this.stopped) {
      const ids = Array.from(
        { length: endpoint === '/px.gif' ? 1 : 1 + this.random.below(MAX_EVENTS_A_REQUEST) },
        () => randomUUID(),
      );
      for (const id of ids) {
        this.sent.add(id);
      }
      this.by[endpoint].sent += ids.length;
      const answer = await (endpoint === '/px.gif' ? this.pixel(ids) : this.collect(ids));
      if (answer === 'refused') {
        return;
      }
      if (answer === 'cut') {
        this.cut += 1;
        return;
      }
      this.take(endpoint, ids, answer);
      await sleep(this.random.below(MAX_PAUSE_MS));
    }
  }

  private take(endpoint: Endpoint, ids: readonly string[], { status, accepted }: Answer): void {
    const all =
      endpoint === '/px.gif' ? status === 200 : status === 202 && accepted === `${ids.length}`;
    if (all) {
      for (const id of ids) {
        this.acknowledged.add(id);
      }
      this.by[endpoint].acknowledged += ids.length;
    } else if (status !== 503) {
      this.unexpected.push(`${endpoint}: ${status}, accepted ${accepted} of ${ids.length}`);
    }
  }

  private pixel([id = '']: readonly string[]): Promise<Answer | 'refused' | 'cut'> {
    return this.send('GET', `/px.gif?e=load&event_id=${id}${this.isBad() ? '&bad=yes' : ''}`);
  }

  private collect(ids: readonly string[]): Promise<Answer | 'refused' | 'cut'> {
    const events: object[] = ids.map((event_id) => ({
      event_id,
      type: 'load',
      props: { text: 'x'.repeat(this.mix.textBytes), ...(this.isBad() && { bad: true }) },
    }));
    if (this.random.chance(INVALID_SHARE)) {
      this.by['/collect'].invalid += 1;
      events.splice(this.random.below(events.length + 1), 0, { event_id: randomUUID(), type: 7 });
    }
    return this.send('POST', '/collect', JSON.stringify(events));
  }

  private isBad(): boolean {
    return this.random.chance(this.mix.badShare);
  }

  private send(method: string, path: string, body = ''): Promise<Answer | 'refused' | 'cut'> {
    return new Promise((resolve) => {
      const broken = ({ code }: NodeJS.ErrnoException): void =>
        resolve(code === 'ECONNREFUSED' ? 'refused' : 'cut');
      const headers = body === '' ? {} : { 'content-type': 'application/json' };
      const { agent, port } = this;
      const sending = request(
        { agent, host: '127.0.0.1', port, method, path, headers },
        (response) => {
          const accepted = response.headers['x-gotrack-accepted'];
          response.resume();
          response.on('end', () =>
            resolve({ status: response.statusCode ?? 0, accepted: accepted?.toString() }),
          );
          response.on('error', broken);
        },
      );
      sending.on('error', broken);
      sending.end(body);
    });
  }
}
