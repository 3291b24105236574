import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inject } from 'vitest';
import type { TestProject } from 'vitest/node';
import { KafkaBroker } from './kafka-broker.js';
import { connectPostgres, type PostgresServer, startPostgres } from './postgres-server.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where the addresses of the shared servers are told. */
    readonly sharedServers: string;
  }
}

interface Running {
  readonly address: string;
  stop(): Promise<void>;
}

const STARTS: Readonly<Record<string, () => Promise<Running | undefined>>> = {
  '/postgres': async () => {
    const server = await startPostgres();
    return server && { address: server.dsn, stop: () => server.stop() };
  },
  '/kafka': async () => {
    const broker = await KafkaBroker.start();
    return broker && { address: broker.address(), stop: () => broker.stop() };
  },
};

/** Before all tests. A server is started when the first spec file asks for it, and stopped after the last one. */
export default async function shareServers({ provide }: TestProject): Promise<() => Promise<void>> {
  const started = new Map<string, Promise<Running | undefined>>();
  const desk = createServer((request, response) => {
    const path = request.url ?? '';
    const server = started.get(path) ?? STARTS[path]?.() ?? Promise.resolve(undefined);
    started.set(path, server);
    void server.then((running) => response.end(running?.address));
  });
  desk.listen(0, '127.0.0.1');
  await once(desk, 'listening');
  provide('sharedServers', `http://127.0.0.1:${(desk.address() as AddressInfo).port}`);
  return async () => {
    desk.close();
    desk.closeAllConnections();
    await Promise.all([...started.values()].map(async (server) => (await server)?.stop()));
  };
}

/** For tests that do not stop it, and have tables of their own; undefined when there is none to be had. */
export async function sharedPostgres(): Promise<PostgresServer | undefined> {
  const dsn = await addressOf('/postgres');
  return dsn === '' ? undefined : connectPostgres(dsn);
}

/** For tests that do not stop it, and have topics of their own; undefined when there is none to be had. */
export async function sharedKafka(): Promise<KafkaBroker | undefined> {
  const address = await addressOf('/kafka');
  return address === '' ? undefined : KafkaBroker.connect(address);
}

async function addressOf(path: string): Promise<string> {
  return (await fetch(inject('sharedServers') + path)).text();
}
