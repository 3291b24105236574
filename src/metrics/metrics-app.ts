import type { Server } from 'node:http';
import type { TlsOptions } from 'node:tls';
import type { NestApplicationOptions } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { limitConnections } from '../http/limit-connections.js';
import { boundPipelines } from '../http/limit-pipelines.js';
import { UnfinishedHandshakes } from '../http/tls/unfinished-handshakes.js';
import { answerClientError } from './http-metrics.js';
import { MetricsAppModule, type MetricsAppParts } from './metrics-app.module.js';

/** For a few scrapers, probes and a person with a browser. */
const MAX_CONNECTIONS = 64;
const MAX_PIPELINED_REQUESTS = 64;
/** For the scrapes that are under way when the server closes. */
const CLOSING_GRACE_MS = 1_000;
const SERVER_LIMITS = { headersTimeout: 5_000, connectionsCheckingInterval: 1_000 };
const LIMITS = {
  requestTimeout: 10_000,
  /** Of a socket on which nothing moves while an answer is under way. */
  connectionTimeout: 30_000,
  /** Above the usual scrape interval, so that a scraper keeps its connection. */
  keepAliveTimeout: 75_000,
  bodyLimit: 1024,
};

/**
 * Creates the second application; the caller lets it listen on METRICS_ADDR before the collector
 * starts, and closes it after the collector has.
 */
export async function createMetricsApp(
  parts: MetricsAppParts,
  {
    tls,
    ...options
  }: Pick<NestApplicationOptions, 'logger' | 'bufferLogs'> & {
    /** With it, the server speaks TLS only. */
    readonly tls?: TlsOptions | undefined;
  } = {},
): Promise<NestFastifyApplication> {
  const app = await NestFactory.create<NestFastifyApplication>(
    MetricsAppModule.forRoot(parts),
    new FastifyAdapter({
      ...LIMITS,
      ...(tls ? { https: { ...SERVER_LIMITS, ...tls } } : { http: SERVER_LIMITS }),
      clientErrorHandler: answerClientError,
    }),
    { ...options, abortOnError: false, bodyParser: false },
  );
  const server: Server = app.getHttpServer();
  limitConnections(server, MAX_CONNECTIONS);
  boundPipelines(server, MAX_PIPELINED_REQUESTS);
  const handshakes = tls ? new UnfinishedHandshakes(server) : undefined;
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('preClose', async () => {
      handshakes?.cut();
      // Node stops its own time limits now: whoever dribbles a request would hold up the end of the process.
      const cut = setTimeout(() => server.closeAllConnections(), CLOSING_GRACE_MS);
      server.once('close', () => clearTimeout(cut));
    });
  return app;
}
