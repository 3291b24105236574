import { list } from '../config/parsers.js';
import { type Parser, InvalidValueError } from '../config/setting.js';

export interface Broker {
  readonly host: string;
  readonly port: number;
}

const DEFAULT_PORT = 9092;

/** A comma list of `host`, `host:port` or `[ipv6]:port`. */
export const brokers: Parser<readonly string[]> = (value) => {
  const addresses = list(value);
  if (addresses.length === 0) {
    throw new InvalidValueError('must be a comma list of host:port');
  }
  return addresses.map((address) => formatBroker(parseBroker(address)));
};

export function parseBroker(address: string): Broker {
  const match = /^(?:\[(?<ipv6>[^\]]+)\]|(?<host>[^:/[\]\s]+))(?::(?<port>\d{1,5}))?$/.exec(
    address,
  )?.groups;
  const host = match?.['ipv6'] ?? match?.['host'];
  const port = Number(match?.['port'] ?? DEFAULT_PORT);
  if (host === undefined || port < 1 || port > 65_535) {
    throw new InvalidValueError('must be a comma list of host:port');
  }
  return { host, port };
}

export function formatBroker({ host, port }: Broker): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
