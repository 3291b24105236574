import type { ListenAddress } from './parsers.js';

/** A setting's value as its variable would hold it; `undefined` when there is no general way to write it. */
export function formatValue(value: unknown): string | undefined {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
    return String(value);
  }
  if (Array.isArray(value)) {
    const items = value.map(formatValue);
    return items.includes(undefined) ? undefined : items.join(',');
  }
  return isListenAddress(value) ? formatListenAddress(value) : undefined;
}

function isListenAddress(value: unknown): value is ListenAddress {
  return typeof value === 'object' && value !== null && 'host' in value && 'port' in value;
}

function formatListenAddress({ host, port }: ListenAddress): string {
  if (host === '::') {
    return `:${port}`;
  }
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
