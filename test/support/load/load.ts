import { Agent, request } from 'node:http';
import { Agent as TlsAgent, request as requestOverTls } from 'node:https';

/** A status; `refused` when nobody listened, `cut` when a connection broke before the answer was whole. */
export type Answer = number | 'refused' | 'cut';

/** Sends single events over kept-alive connections, alternating between the two endpoints, until it is stopped. */
export class Load {
  /** Ids of the events that were sent, whatever became of them. */
  readonly sent = new Set<string>();
  /** Ids of the events that were answered with 2xx. */
  readonly acknowledged = new Set<string>();
  readonly others: Answer[] = [];
  private readonly agent: Agent;
  private stopped = false;
  private running: Promise<unknown> | undefined;

  constructor(
    private readonly port: number,
    private readonly prefix: string,
    /** What the server's certificate is verified against; without it, plain HTTP is spoken. */
    private readonly ca?: Buffer,
  ) {
    this.agent = ca ? new TlsAgent({ keepAlive: true, ca }) : new Agent({ keepAlive: true });
  }

  start(width: number): void {
    this.running = Promise.all(Array.from({ length: width }, (_, lane) => this.loop(lane)));
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.running;
    this.agent.destroy();
  }

  /** One more, on a new connection: it is served after all that were opened before. */
  async sendLast(): Promise<void> {
    await this.sendOne(`${this.prefix}-last`, (id) => this.collect(id));
    this.agent.destroy();
  }

  private async loop(lane: number): Promise<void> {
    for (let index = 0; !this.stopped; index += 1) {
      const answer = await this.sendOne(`${this.prefix}-${lane}-${index}`, (id) =>
        index % 2 === 0 ? this.pixel(id) : this.collect(id),
      );
      if (typeof answer === 'string') {
        return;
      }
    }
  }

  private async sendOne(id: string, send: (id: string) => Promise<Answer>): Promise<Answer> {
    this.sent.add(id);
    const answer = await send(id);
    if (answer === 200 || answer === 202) {
      this.acknowledged.add(id);
    } else {
      this.others.push(answer);
    }
    return answer;
  }

  private pixel(id: string): Promise<Answer> {
    return this.send('GET', `/px.gif?e=load&event_id=${id}`, undefined);
  }

  private collect(id: string): Promise<Answer> {
    return this.send('POST', '/collect', JSON.stringify({ type: 'load', event_id: id }));
  }

  private send(method: string, path: string, body: string | undefined): Promise<Answer> {
    return new Promise((resolve) => {
      const broken = ({ code }: NodeJS.ErrnoException): void =>
        resolve(code === 'ECONNREFUSED' ? 'refused' : 'cut');
      const sending = (this.ca ? requestOverTls : request)(
        {
          agent: this.agent,
          host: '127.0.0.1',
          port: this.port,
          method,
          path,
          ...(body !== undefined && {
            headers: {
              'content-type': 'application/json',
              'content-length': Buffer.byteLength(body),
            },
          }),
        },
        (response) => {
          response.resume();
          response.on('end', () => resolve(response.statusCode ?? 'cut'));
          response.on('error', broken);
        },
      );
      sending.on('error', broken);
      sending.end(body);
    });
  }
}
