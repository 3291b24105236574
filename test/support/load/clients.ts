import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

export const ENDPOINTS = ['/px.gif', '/collect'] as const;
export type Endpoint = (typeof ENDPOINTS)[number];

const EVENTS_A_BODY = 3;
/** A request line may be no longer than 16 KiB. */
const MAX_PIXEL_TEXT_BYTES = 8000;
/** Between two requests of a client, so that what a test waits for comes before the load has filled a disk. */
const PAUSE_MS = 4;

export interface Request {
  readonly endpoint: Endpoint;
  /** `event_id` of each of its events. */
  readonly ids: readonly string[];
  /** 0 when the connection broke before the answer. */
  readonly status: number;
  readonly retryAfter: string | undefined;
  /** The body's `code`, of an error. */
  readonly code: string | undefined;
}

export interface EventForm {
  /** Of text in each event; a pixel takes 8,000 of them at most. */
  readonly textBytes: number;
  /** Of so many events in bodies, one has `props.bad`; no pixel has. */
  readonly badEach?: number;
}

/**
 * Several clients, each of which sends one request after the other, in turns to the two endpoints, and goes on when it is
 * refused. They keep what became of each request.
 */
export class Clients {
  readonly requests: Request[] = [];
  /** `event_id` of events with `props.bad`. */
  readonly bad = new Set<string>();
  private sent = 0;
  private sentInBodies = 0;
  private stopped = true;
  private agent = new Agent({ keepAlive: true });
  private running: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly port: number,
    private readonly prefix: string,
    private readonly form: EventForm,
  ) {}

  start(width: number): void {
    this.stopped = false;
    this.agent = new Agent({ keepAlive: true });
    this.running = Promise.all(
      Array.from({ length: width }, (_, index) => this.loop(ENDPOINTS[index % 2] as Endpoint)),
    );
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.running;
    this.agent.destroy();
  }

  /** Those that were answered with 2xx. */
  get accepted(): readonly Request[] {
    return this.requests.filter(({ status }) => status === 200 || status === 202);
  }

  get refused(): readonly Request[] {
    return this.requests.filter(({ status }) => status === 503);
  }

  /** Whether the latest requests to each endpoint were all refused, so that it is no matter of their size. */
  get onlyRefused(): boolean {
    return ENDPOINTS.every((endpoint) => {
      const latest = this.requests.filter((each) => each.endpoint === endpoint).slice(-8);
      return latest.length === 8 && latest.every(({ status }) => status === 503);
    });
  }

  private async loop(first: Endpoint): Promise<void> {
    for (let endpoint = first; !this.stopped; endpoint = other(endpoint)) {
      const count = endpoint === '/collect' ? EVENTS_A_BODY : 1;
      const events = Array.from({ length: count }, () => this.event(endpoint));
      this.requests.push(await this.send(endpoint, events));
      await sleep(PAUSE_MS);
    }
  }

  private event(endpoint: Endpoint): Event {
    const { badEach } = this.form;
    const most = endpoint === '/px.gif' ? MAX_PIXEL_TEXT_BYTES : Infinity;
    const textBytes = Math.min(this.form.textBytes, most);
    const n = this.sent;
    this.sent += 1;
    const id = `${this.prefix}-${n}`;
    this.sentInBodies += endpoint === '/collect' ? 1 : 0;
    const isBad =
      badEach !== undefined && endpoint === '/collect' && this.sentInBodies % badEach === 0;
    if (isBad) {
      this.bad.add(id);
    }
    return { event_id: id, props: { text: 'x'.repeat(textBytes), ...(isBad && { bad: '1' }) } };
  }

  private send(endpoint: Endpoint, events: readonly Event[]): Promise<Request> {
    const ids = events.map(({ event_id }) => event_id);
    const [first] = events;
    const query = new URLSearchParams({ event_id: ids[0] ?? '', ...first?.props });
    const [method, path, body] =
      endpoint === '/collect'
        ? ['POST', endpoint, JSON.stringify(events)]
        : ['GET', `${endpoint}?${query.toString()}`, undefined];
    const headers = body === undefined ? {} : { 'content-type': 'application/json' };
    return new Promise((resolve) => {
      const broken = (): void =>
        resolve({ endpoint, ids, status: 0, retryAfter: undefined, code: undefined });
      const sending = request(
        { agent: this.agent, host: '127.0.0.1', port: this.port, method, path, headers },
        (response) => {
          let text = '';
          response.setEncoding('latin1');
          response.on('data', (piece: string) => (text += piece));
          response.on('error', broken);
          response.on('end', () => {
            const status = response.statusCode ?? 0;
            const code = /"code":"(\w+)"/.exec(text)?.[1];
            resolve({ endpoint, ids, status, retryAfter: response.headers['retry-after'], code });
          });
        },
      );
      sending.on('error', broken);
      sending.end(body);
    });
  }
}

interface Event {
  readonly event_id: string;
  readonly props: Readonly<Record<string, string>>;
}

function other(endpoint: Endpoint): Endpoint {
  return endpoint === '/collect' ? '/px.gif' : '/collect';
}

export function idsOf(requests: readonly Request[]): string[] {
  return requests.flatMap(({ ids }) => ids);
}
