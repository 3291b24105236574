import { lookup } from 'node:dns/promises';
import type { AddressInfo } from 'node:net';
import { Logger } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { ListenAddress } from './config/parsers.js';

/**
 * Connections that the kernel keeps until they are accepted (net.core.somaxconn may allow fewer). With Node's 511, a burst of new
 * visitors overflows it, and a client that is dropped there tries again after seconds.
 */
const BACKLOG = 4096;

const logger = new Logger('GoTrack');

/** @throws Error that names the variable when the address cannot be listened on */
export async function listen(
  app: NestFastifyApplication,
  { host, port }: ListenAddress,
  variable: string,
  what: string,
): Promise<void> {
  try {
    await app.listen({ port, host: await addressOf(host), backlog: BACKLOG });
  } catch (error) {
    throw new Error(
      `${variable}: cannot listen on ${host} port ${port}: ${(error as Error).message}`,
      {
        cause: error,
      },
    );
  }
  const address = app.getHttpServer().address() as AddressInfo;
  logger.log(`${what} listens on ${address.address} port ${address.port}`);
}

/** One server on one address: for a name, Fastify would open another for each address it has. */
async function addressOf(host: string): Promise<string> {
  // Without an address, Node takes `::`, and `0.0.0.0` on a host without IPv6.
  return host === '::' ? '' : (await lookup(host)).address;
}
