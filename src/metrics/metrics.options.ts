import ipaddr from 'ipaddr.js';
import { boolean, type ListenAddress, listenAddress } from '../config/readers.js';
import { Setting } from '../config/setting.js';

export class MetricsOptions {
  static readonly key = 'metrics';

  @Setting('METRICS_ENABLED', boolean, {
    doc: 'Serves metrics for Prometheus, and health with its causes, on METRICS_ADDR.',
  })
  readonly enabled: boolean = false;

  @Setting('METRICS_ADDR', listenAddress, {
    doc: 'Where metrics are served: host:port, :port or [ipv6]:port. Anyone who reaches it can read them: keep it on loopback or in a private network.',
  })
  readonly address: ListenAddress = { host: '127.0.0.1', port: 9090 };

  /** What the operator should know before the server starts. */
  warnings(): string[] {
    return this.enabled && !isLoopback(this.address.host)
      ? [
          'METRICS_ADDR: metrics are served unencrypted on an address that other machines may reach; ' +
            'use 127.0.0.1:9090, or make sure that only your Prometheus reaches this port (private network, firewall)',
        ]
      : [];
  }
}

function isLoopback(host: string): boolean {
  return ipaddr.isValid(host)
    ? ipaddr.process(host).range() === 'loopback'
    : host.toLowerCase() === 'localhost';
}
