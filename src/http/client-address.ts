import type { IncomingHttpHeaders, IncomingMessage, Server } from 'node:http';
import { isIP, type Socket } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import { Injectable } from '@nestjs/common';
import ipaddr from 'ipaddr.js';
import { InjectOptions } from '../config/inject-options.js';
import { HttpOptions } from './http.options.js';
import { type AddressRange, parseRange } from './trusted-proxies.js';

const MAPPED_IPV4 = '::ffff:';

/** The other ends of connections, in canonical text. */
const peers = new WeakMap<Socket, string>();

/** Keeps the address of each connection: a socket forgets it when the client goes. Give it the server before it listens. */
export function rememberPeers(server: Server): void {
  server.on(server instanceof TlsServer ? 'secureConnection' : 'connection', (socket: Socket) => {
    const peer = remoteAddressOf(socket);
    if (peer !== undefined) {
      peers.set(socket, peer);
    }
  });
}

/** The address that sent a request, as every part of ingestion sees it. */
@Injectable()
export class ClientAddress {
  private readonly trusted: readonly AddressRange[] | boolean;
  private readonly ownHeader: string | undefined;

  constructor(@InjectOptions(HttpOptions) { trustProxy, clientIpHeader }: HttpOptions) {
    this.trusted = typeof trustProxy === 'boolean' ? trustProxy : trustProxy.map(parseRange);
    this.ownHeader = clientIpHeader?.toLowerCase();
  }

  /** Canonical text; `undefined` when the connection was gone before it could be asked. */
  of({ socket, headers }: IncomingMessage): string | undefined {
    const peer = peers.get(socket) ?? remoteAddressOf(socket);
    return this.trusted === false || peer === undefined || !this.trusts(peer)
      ? peer
      : this.namedBy(headers, peer, this.trusted);
  }

  /** Whether a trusted proxy sent it: what it says in headers of its own may be believed. */
  isFromProxy({ socket }: IncomingMessage): boolean {
    if (this.trusted === false) {
      return false;
    }
    const peer = peers.get(socket) ?? remoteAddressOf(socket);
    return peer !== undefined && this.trusts(peer);
  }

  private trusts(peer: string): boolean {
    return typeof this.trusted === 'boolean' ? this.trusted : isWithin(peer, this.trusted);
  }

  /** What the headers of a trusted proxy say. */
  private namedBy(
    headers: IncomingHttpHeaders,
    peer: string,
    trusted: readonly AddressRange[] | true,
  ): string {
    const named = this.ownHeader !== undefined && addressIn(headers[this.ownHeader]);
    if (named) {
      return named;
    }
    const hops = String(headers['x-forwarded-for'] ?? '');
    if (!hasHops(hops)) {
      // Where CLIENT_IP_HEADER says what the proxy writes, the client itself may have written this one.
      return (this.ownHeader === undefined ? addressIn(headers['x-real-ip']) : undefined) ?? peer;
    }
    return trusted === true ? (leftmostHop(hops) ?? peer) : lastUntrustedHop(peer, hops, trusted);
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
    const entry = forwardedFor.slice(comma + 1, end).trim();
    end = comma;
    // Empty elements of a list don't count (RFC 9110, 5.6.1).
    if (entry === '') {
      continue;
    }
    const hop = hopAddress(entry);
    if (hop === undefined) {
      break;
    }
    client = hop;
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

function hasHops(forwardedFor: string): boolean {
  return /[^\s,]/.test(forwardedFor);
}

function addressIn(header: string | string[] | undefined): string | undefined {
  return header === undefined ? undefined : hopAddress(String(header));
}

function remoteAddressOf({ remoteAddress }: Socket): string | undefined {
  return remoteAddress === undefined ? undefined : canonicalAddress(remoteAddress);
}

function isWithin(address: string, ranges: readonly AddressRange[]): boolean {
  const parsed = ipaddr.parse(address);
  return ranges.some((range) => parsed.kind() === range[0].kind() && parsed.match(range));
}
