import type { TlsOptions } from 'node:tls';
import type { NestApplicationOptions } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createAdapter } from '../http/create-adapter.js';
import { MetricsAppModule, type MetricsAppParts } from './metrics-app.module.js';

const SERVER = {
  /** For a few scrapers, probes and a person with a browser. */
  maxConnections: 64,
  maxPipelinedRequests: 64,
  headersTimeoutMs: 5_000,
  requestTimeoutMs: 10_000,
  /** Above the usual scrape interval, so that a scraper keeps its connection. */
  keepAliveTimeoutMs: 75_000,
  /** For the scrapes that are on the wire or under way when the server closes. */
  closing: { lingerMs: 200, graceMs: 1_000 },
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
  return NestFactory.create<NestFastifyApplication>(
    MetricsAppModule.forRoot(parts),
    createAdapter({ ...SERVER, tls }),
    { ...options, abortOnError: false, bodyParser: false },
  );
}
