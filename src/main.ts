import 'reflect-metadata';
import { lookup } from 'node:dns/promises';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { POOL_THREADS } from './config/thread-pool.js';
import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { tailSocket } from './disk/tail-socket.js';
import { AppModule, type CollectorParts } from './app.module.js';
import { type Configuration, loadConfiguration } from './config/load-configuration.js';
import { LoggingOptions } from './config/logging.options.js';
import type { ListenAddress } from './config/parsers.js';
import { HealthModule } from './health/health.module.js';
import { Readiness } from './health/readiness.js';
import { availableMemory, connectionLimit } from './http/max-connections.js';
import { createCollectorAdapter } from './ingestion/collector-adapter.js';
import { HttpOptions } from './http/http.options.js';
import { knownRoutes } from './http/routes.js';
import type { RequestTracker } from './http/request-tracker.js';
import { AdmissionOptions } from './ingestion/admission/admission.options.js';
import { DailySalt } from './ingestion/enrichment/daily-salt.js';
import { IngestionOptions } from './ingestion/ingestion.options.js';
import { PathsOptions } from './ingestion/paths.options.js';
import { Tail } from './ingestion/tail/tail.js';
import { rewriteTarget } from './ingestion/rewrite-target.js';
import { servedRoutes } from './ingestion/routes.js';
import { createLogger } from './logger.js';
import { CurrentToken } from './metrics/current-token.js';
import { HttpMetrics } from './metrics/http-metrics.js';
import { createMetricsApp } from './metrics/metrics-app.js';
import type { MetricsAppParts } from './metrics/metrics-app.module.js';
import { MetricsOptions } from './metrics/metrics.options.js';
import { maxFileDescriptors } from './metrics/proc-self.js';
import { PrometheusObserver } from './metrics/prometheus-observer.js';
import { TlsMetrics } from './metrics/tls-metrics.js';
import { deadLettersCheck, laneCheck, queueCheck } from './pipeline-checks.js';
import { QueueingOptions } from './queueing/queueing.options.js';
import { EventQueue } from './queueing/event-queue.js';
import { DeadLetters } from './delivery/dead-letters/dead-letters.js';
import { Lanes } from './delivery/lanes.js';
import { DeliveryOptions } from './delivery/delivery.options.js';
import { CROSS_CHECKS, OPTIONS_CLASSES } from './options-classes.js';
import { SinksOptions } from './sinks/sinks.options.js';
import type { CredentialFiles } from './http/tls/credential-files.js';
import { ServerTls } from './http/tls/server-tls.js';
import { callsHang } from './threads/hanging-calls.js';
import { countPoolThreads } from './threads/pool-threads.js';

/**
 * Connections that the kernel keeps until they are accepted (net.core.somaxconn may allow fewer). With Node's 511, a burst of new
 * visitors overflows it, and a client that is dropped there tries again after seconds.
 */
const BACKLOG = 4096;

/** For what the end of a drain takes beside the drain: closing sinks and the queue, and waiting for calls. */
const END_GRACE_MS = 5000;
const HANGING_CALLS_GRACE_MS = 1000;

/**
 * How much the old generation grows between two of its collections. V8 counts the buffers that readers of the queue fill as a part
 * of it, and by itself collects 35 MB of live objects more than twice a second under load, which takes a fifth of the CPU.
 */
const HEAP_GROWTH_PERCENT = 100;

const logger = new Logger('GoTrack');

/**
 * Runs the collector until a signal has drained it. Nest's own shutdown hooks are not used: with
 * two applications, the first to finish would end the process.
 * @param stopped resolves with the signal that asks for an orderly end
 * @returns the exit code
 */
export async function serve(stopped: Promise<NodeJS.Signals>): Promise<number> {
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWTH_PERCENT}`);
  const configuration = await loadConfiguration(OPTIONS_CLASSES, { crossChecks: CROSS_CHECKS });
  Logger.overrideLogger(createLogger(configuration.get(LoggingOptions), configuration.nodeEnv));
  for (const warning of configuration.warnings) {
    logger.warn(warning);
  }
  const { shutdownDelayMs, shutdownTimeoutMs } = configuration.get(DeliveryOptions);
  // From now on: a start may hang, too.
  void stopped.then(() => killAfter(shutdownDelayMs + shutdownTimeoutMs + END_GRACE_MS));

  const observer = new PrometheusObserver({ sinks: configuration.get(SinksOptions).outputs });
  const httpMetrics = new HttpMetrics(
    knownRoutes(servedRoutes(configuration.get(IngestionOptions))),
  );
  const readiness = new Readiness();
  const tls = {
    metrics: createServerTls('metrics', configuration.get(MetricsOptions).tlsFiles),
    collector: createServerTls('collector', configuration.get(HttpOptions).tlsFiles),
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
  const collector = await startCollector(
    {
      configuration: configuration.module,
      observer,
      readiness,
      sinks: configuration.get(SinksOptions).outputs,
    },
    configuration,
    httpMetrics.tracker,
    tls.collector,
  );

  warnOfFewThreads();
  logger.log(`${await stopped}: shutting down`);
  readiness.drainBegun();
  await sleep(shutdownDelayMs);
  const exitCode = await shutDown(collector, metricsApp);
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
  collector: NestFastifyApplication,
  metricsApp: NestFastifyApplication | undefined,
): Promise<number> {
  await collector.close();
  const { shutdownError, undelivered } = collector.get(Lanes);
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

async function startCollector(
  parts: CollectorParts,
  configuration: Configuration,
  tracker: RequestTracker,
  tls: ServerTls | undefined,
): Promise<NestFastifyApplication> {
  const options = configuration.get(HttpOptions);
  const { shutdownTimeoutMs } = configuration.get(DeliveryOptions);
  const adapter = createCollectorAdapter(options, {
    tracker,
    tls: tls?.serverOptions,
    maxConnections: connectionLimit({
      descriptors: await maxFileDescriptors(),
      ...availableMemory(),
    }),
    closingGraceMs: shutdownTimeoutMs / 2,
    rewriteTarget: rewriteTarget(configuration.get(PathsOptions), {
      signatures: configuration.get(AdmissionOptions).hmacSecret !== undefined,
    }),
  });
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.forRoot(parts), adapter, {
    abortOnError: false,
    bodyParser: false,
  });
  tls?.follow(app.getHttpServer());
  await app.init();
  await app.get(Tail).open(tailSocket(configuration.get(QueueingOptions).path));
  await openSalt(app, configuration);
  const queue = app.get(EventQueue);
  parts.readiness.add(() => queueCheck(queue));
  const deadLetters = app.get(DeadLetters);
  parts.readiness.add(() => deadLettersCheck(deadLetters));
  app.get(Lanes).all.forEach((lane) => parts.readiness.add(() => laneCheck(lane)));
  parts.readiness.collectorStarted();
  await listen(app, options.address, 'SERVER_ADDR', 'collector');
  return app;
}

/** In the queue's directory, which belongs to this process alone. */
async function openSalt(app: NestFastifyApplication, configuration: Configuration): Promise<void> {
  const salt = app.get(DailySalt);
  const { path } = configuration.get(QueueingOptions);
  const isUsed = configuration.get(IngestionOptions).visitorHash === true;
  await (isUsed ? salt.open(path) : salt.discard(path));
}

function createServerTls(
  server: string,
  files: CredentialFiles | undefined,
): ServerTls | undefined {
  return files && new ServerTls(server, files);
}

/** @throws Error that names the variable when the address cannot be listened on */
async function listen(
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
