import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { Injectable } from '@nestjs/common';
import ipaddr from 'ipaddr.js';
import { InjectOptions } from '../config/inject-options.js';
import { HttpOptions } from './http.options.js';
import { type AddressRange, parseRange } from './trusted-proxies.js';

const MAPPED_IPV4 = '::ffff:';

/** The address that sent a request, as every part of ingestion sees it. */
@Injectable()
export class ClientAddress {
  private readonly trusted: readonly AddressRange[] | boolean;

  constructor(@InjectOptions(HttpOptions) { trustProxy }: HttpOptions) {
    this.trusted = typeof trustProxy === 'boolean' ? trustProxy : trustProxy.map(parseRange);
  }

  /** Canonical text; `undefined` when the connection is gone already. */
  of(request: IncomingMessage): string | undefined {
    const remote = request.socket.remoteAddress;
    const peer = remote === undefined ? undefined : canonicalAddress(remote);
    const forwardedFor = request.headers['x-forwarded-for'];
    if (this.trusted === false || peer === undefined || forwardedFor === undefined) {
      return peer;
    }
    const hops = String(forwardedFor);
    return this.trusted === true
      ? (leftmostHop(hops) ?? peer)
      : lastUntrustedHop(peer, hops, this.trusted);
  }
}

/** IPv4-mapped as IPv4, IPv6 as in RFC 5952 and without its zone; `undefined` when it is no address. */
export function canonicalAddress(text: string): string | undefined {
  if (isIP(text) === 4) {
    return text;
  }
  if (text.startsWith(MAPPED_IPV4) && isIP(text.slice(MAPPED_IPV4.length)) === 4) {
    return text.slice(MAPPED_IPV4.length);
  }
  const [address = ''] = text.split('%', 1);
  return isIP(address) === 6 ? ipaddr.process(address).toString() : undefined;
}

/**
 * Walks X-Forwarded-For from the right for as long as each hop is a trusted proxy, beginning with the
 * peer itself. What stands left of an untrusted hop, or of something unreadable, may be a lie.
 */
export function lastUntrustedHop(
  peer: string,
  forwardedFor: string,
  trusted: readonly AddressRange[],
): string {
  let client = peer;
  let end = forwardedFor.length;
  while (end > 0 && isWithin(client, trusted)) {
    const comma = forwardedFor.lastIndexOf(',', end - 1);
    const hop = hopAddress(forwardedFor.slice(comma + 1, end));
    if (hop === undefined) {
      break;
    }
    client = hop;
    end = comma;
  }
  return client;
}

/** The first readable address of X-Forwarded-For, no matter who wrote it. */
export function leftmostHop(forwardedFor: string): string | undefined {
  for (const entry of forwardedFor.split(',')) {
    const hop = hopAddress(entry);
    if (hop !== undefined) {
      return hop;
    }
  }
  return undefined;
}

/** An entry of X-Forwarded-For; some proxies add a port, or brackets around IPv6. */
function hopAddress(entry: string): string | undefined {
  const text = entry.trim();
  const match = /^(?:\[(?<bracketed>[^\]]+)\]|(?<ipv4>[\d.]+))(?::\d+)?$/.exec(text)?.groups;
  return canonicalAddress(match?.['bracketed'] ?? match?.['ipv4'] ?? text);
}

function isWithin(address: string, ranges: readonly AddressRange[]): boolean {
  const parsed = ipaddr.parse(address);
  return ranges.some((range) => parsed.kind() === range[0].kind() && parsed.match(range));
}
