import type { Socket } from 'node:net';

/** What the raw socket of a connection and the one that speaks TLS on it have in common. */
export function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
