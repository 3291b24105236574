import 'reflect-metadata';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { POOL_THREADS } from './config/thread-pool.js';
import { type INestApplicationContext, Logger } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Configuration } from './config/load-configuration.js';
import { LoggingOptions } from './config/logging.options.js';
import { DeliveryOptions } from './delivery/delivery.options.js';
import { Lanes } from './delivery/lanes.js';
import { HealthModule } from './health/health.module.js';
import { Readiness } from './health/readiness.js';
import { HttpOptions } from './http/http.options.js';
import { knownRoutes } from './http/routes.js';
import type { CredentialFiles } from './http/tls/credential-files.js';
import { ServerTls } from './http/tls/server-tls.js';
import { IngestionOptions } from './ingestion/ingestion.options.js';
import { servedRoutes } from './ingestion/routes.js';
import { listen } from './listen.js';
import { createLogger } from './logger.js';
import { CurrentToken } from './metrics/current-token.js';
import { HttpMetrics } from './metrics/http-metrics.js';
import { createMetricsApp } from './metrics/metrics-app.js';
import type { MetricsAppParts } from './metrics/metrics-app.module.js';
import { MetricsOptions } from './metrics/metrics.options.js';
import { PrometheusObserver } from './metrics/prometheus-observer.js';
import { TlsMetrics } from './metrics/tls-metrics.js';
import { loadProgramConfiguration } from './program-configuration.js';
import { configuredPlan } from './configured-plan.js';
import { lanesOf } from './queueing/queue-plan.js';
import { startCollector, startDelivery } from './start-application.js';
import { callsHang } from './threads/hanging-calls.js';
import { countPoolThreads } from './threads/pool-threads.js';

/** For what the end of a drain takes beside the drain: closing sinks and the queue, and waiting for calls. */
const END_GRACE_MS = 5000;
const HANGING_CALLS_GRACE_MS = 1000;

/**
 * V8 watches where objects are made, and makes those of places that had mostly survivors in the old generation at once.
 * What waits in a queue survives one moment and is garbage in the next: many a process would make its
 * events there, buffers and all, and collect the whole heap four times a second. Off, two thirds of the CPU of a
 * delivery are enough, and intake is steady.
 */
const NO_PRETENURING = '--no-allocation-site-pretenuring';

const logger = new Logger('GoTrack');

/**
 * Does what its role says until a signal has drained it. Nest's own shutdown hooks are not used: with
 * two applications, the first to finish would end the process.
 * @param stopped resolves with the signal that asks for an orderly end
 * @returns the exit code
 */
export async function serve(stopped: Promise<NodeJS.Signals>): Promise<number> {
  setFlagsFromString(NO_PRETENURING);
  const configuration = await loadProgramConfiguration();
  Logger.overrideLogger(createLogger(configuration.get(LoggingOptions), configuration.nodeEnv));
  for (const warning of configuration.warnings) {
    logger.warn(warning);
  }
  const { shutdownDelayMs, shutdownTimeoutMs } = configuration.get(DeliveryOptions);
  // From now on: a start may hang, too.
  void stopped.then(() => killAfter(shutdownDelayMs + shutdownTimeoutMs + END_GRACE_MS));

  const plan = configuredPlan(configuration.get);
  const observer = new PrometheusObserver({ sinks: lanesOf(plan) });
  const httpMetrics = new HttpMetrics(
    knownRoutes(servedRoutes(configuration.get(IngestionOptions))),
  );
  const readiness = new Readiness();
  const tls = {
    metrics: createServerTls('metrics', configuration.get(MetricsOptions).tlsFiles),
    collector:
      plan.role === 'deliver'
        ? undefined
        : createServerTls('collector', configuration.get(HttpOptions).tlsFiles),
  };
  const tlsMetrics = new TlsMetrics(tls);
  const shown = {
    sources: [observer, httpMetrics, tlsMetrics],
    status: {
      observer,
      http: httpMetrics,
      servers: tlsMetrics.servers,
      checks: () => readiness.checks(),
    },
  };
  const metricsApp = await startMetricsApp(configuration, readiness, tls.metrics, shown);
  const parts = { configuration: configuration.module, observer, readiness, plan };
  const app = await (plan.role === 'deliver'
    ? startDelivery(parts)
    : startCollector(parts, configuration, httpMetrics.tracker, tls.collector));

  warnOfFewThreads();
  logger.log(`${await stopped}: shutting down`);
  readiness.drainBegun();
  await sleep(shutdownDelayMs);
  const exitCode = await shutDown(app, metricsApp);
  await warnOfHangingCalls();
  return exitCode;
}

async function warnOfHangingCalls(): Promise<void> {
  if (await callsHang(HANGING_CALLS_GRACE_MS)) {
    logger.warn(
      'calls to a disk or a resolver hang: the process ends by SIGKILL, not waiting for them',
    );
  }
}

/** The queue's own disk may hang: what is in it is as after a power cut. */
function killAfter(ms: number): void {
  setTimeout(() => {
    logger.fatal(`the shutdown did not end within ${ms} ms: the process ends by SIGKILL`);
    process.kill(process.pid, 'SIGKILL');
  }, ms).unref();
}

function warnOfFewThreads(): void {
  const threads = countPoolThreads();
  if (threads > 0 && threads < POOL_THREADS) {
    logger.warn(
      `the process has ${threads} threads for disks and look-ups, not ${POOL_THREADS}: a few that hang stop it. Start it with UV_THREADPOOL_SIZE=${POOL_THREADS}`,
    );
  }
}

/** @returns the exit code */
async function shutDown(
  app: INestApplicationContext,
  metricsApp: NestFastifyApplication | undefined,
): Promise<number> {
  await app.close();
  const { shutdownError, undelivered } = app.get(Lanes);
  await metricsApp?.close();
  if (shutdownError) {
    logger.fatal(`the shutdown failed: ${shutdownError.stack}`);
    return 1;
  }
  logStopped(undelivered);
  return 0;
}

function logStopped(undelivered: ReadonlyMap<string, number>): void {
  const left = [...undelivered].map(([sink, events]) => `${events} event(s) of ${sink}`);
  if (left.length === 0) {
    logger.log('stopped');
  } else {
    logger.warn(`stopped; the next start delivers what is left: ${left.join(', ')}`);
  }
}

async function startMetricsApp(
  configuration: Configuration,
  readiness: Readiness,
  tls: ServerTls | undefined,
  shown: Pick<MetricsAppParts, 'sources' | 'status'>,
): Promise<NestFastifyApplication | undefined> {
  const options = configuration.get(MetricsOptions);
  if (!options.enabled) {
    return undefined;
  }
  const app = await createMetricsApp(
    {
      ...shown,
      imports: [
        configuration.module,
        HealthModule.forRoot(readiness, { alive: 'OK', withErrors: true }),
      ],
      token: new CurrentToken(options),
    },
    { tls: tls?.serverOptions },
  );
  tls?.follow(app.getHttpServer());
  await listen(app, options.address, 'METRICS_ADDR', 'metrics');
  return app;
}

function createServerTls(
  server: string,
  files: CredentialFiles | undefined,
): ServerTls | undefined {
  return files && new ServerTls(server, files);
}
