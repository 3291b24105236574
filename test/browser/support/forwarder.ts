import { once } from 'node:events';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream';

/** A balancer before a collector, whose clients are where the test says. */
export class Forwarder {
  /** Such as `POST /collect 202`. */
  readonly answers: string[] = [];

  private constructor(
    private readonly server: Server,
    /** The address that it names to the collector. */
    public clientAddress: string,
  ) {}

  static async start(collectorUrl: string, clientAddress: string): Promise<Forwarder> {
    const server = createServer();
    const forwarder = new Forwarder(server, clientAddress);
    server.on('request', (incoming, response) => {
      const outgoing = request(collectorUrl + (incoming.url ?? ''), {
        method: incoming.method ?? 'GET',
        headers: { ...incoming.headers, 'x-forwarded-for': forwarder.clientAddress },
      });
      outgoing.on('response', (answer) => {
        const path = incoming.url?.replace(/\?.*/, '');
        forwarder.answers.push(`${incoming.method} ${path} ${answer.statusCode}`);
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        pipeline(answer, response, () => {});
      });
      // As a balancer does it whose collector is away; without the headers that let a page read the answer.
      outgoing.on('error', () => response.writeHead(502).end());
      pipeline(incoming, outgoing, () => {});
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return forwarder;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }
}
