import type { Registry } from 'prom-client';
import type { ServerTls } from '../http/tls/server-tls.js';
import { INSTRUMENTS } from './instruments.js';
import { type MetricSource, registerCollected } from './collected-metric.js';

/** The certificates of the servers that speak TLS; undefined for one that does not. */
export class TlsMetrics implements MetricSource {
  readonly servers: readonly ServerTls[];

  constructor(servers: Readonly<Record<string, ServerTls | undefined>>) {
    this.servers = Object.values(servers).filter((tls) => tls !== undefined);
  }

  registerOn(registry: Registry): void {
    registerCollected(registry, INSTRUMENTS.tlsNotAfter, () =>
      this.servers.map(({ server, notAfter }) => [{ server }, notAfter.getTime() / 1000]),
    );
    registerCollected(registry, INSTRUMENTS.tlsLastReload, () =>
      this.servers.map(({ server, lastReloadSuccessful }) => [
        { server },
        Number(lastReloadSuccessful),
      ]),
    );
  }
}
