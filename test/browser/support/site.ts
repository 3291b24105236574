import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { uniqueName } from '../../support/servers/postgres-server.js';

export interface SitePage {
  readonly html: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * A site of an origin of its own, so that no other test sees what its pages store. Its host is `localhost`, which
 * browsers trust as they trust HTTPS: there are locks and signatures.
 */
export class Site {
  /** Below it are all its pages, and no page of another site. */
  readonly folder = `/${uniqueName('site')}`;
  /** Paths and queries that were asked for, as the pages name them. */
  readonly requests: string[] = [];
  private readonly pages = new Map<string, SitePage>();

  private constructor(private readonly server: Server) {}

  static async start(): Promise<Site> {
    const server = createServer();
    const site = new Site(server);
    server.on('request', ({ url = '' }, response) => {
      const address = url.replace(site.folder, '');
      site.requests.push(address);
      const page = site.pages.get(address.replace(/\?.*/, ''));
      response
        .writeHead(page ? 200 : 404, {
          'Content-Type': 'text/html; charset=utf-8',
          ...page?.headers,
        })
        .end(page?.html ?? '');
    });
    server.listen(0, 'localhost');
    await once(server, 'listening');
    return site;
  }

  get origin(): string {
    return `http://localhost:${(this.server.address() as AddressInfo).port}`;
  }

  serve(path: string, page: SitePage): void {
    this.pages.set(path, page);
  }

  url(path: string): string {
    return this.origin + this.folder + path;
  }

  async stop(): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }
}
