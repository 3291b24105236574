import { type INestApplicationContext, Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { type ApplicationParts, AppModule } from './app.module.js';
import type { Configuration } from './config/load-configuration.js';
import { DeadLetters } from './delivery/dead-letters/dead-letters.js';
import { DeliveryOptions } from './delivery/delivery.options.js';
import { Lanes } from './delivery/lanes.js';
import { tailSocket } from './disk/tail-socket.js';
import { HttpOptions } from './http/http.options.js';
import { availableMemory, connectionLimit } from './http/max-connections.js';
import type { RequestTracker } from './http/request-tracker.js';
import type { ServerTls } from './http/tls/server-tls.js';
import { AdmissionOptions } from './ingestion/admission/admission.options.js';
import { createCollectorAdapter } from './ingestion/collector-adapter.js';
import { DailySalt } from './ingestion/enrichment/daily-salt.js';
import { IngestionOptions } from './ingestion/ingestion.options.js';
import { PathsOptions } from './ingestion/paths.options.js';
import { rewriteTarget } from './ingestion/rewrite-target.js';
import { Tail } from './ingestion/tail/tail.js';
import { listen } from './listen.js';
import { maxFileDescriptors } from './metrics/proc-self.js';
import { deadLettersCheck, laneCheck, queueCheck } from './pipeline-checks.js';
import { EventQueue } from './queueing/event-queue.js';
import { QueueingOptions } from './queueing/queueing.options.js';

/** Takes events, and has the lanes of its role. */
export async function startCollector(
  parts: ApplicationParts,
  configuration: Configuration,
  tracker: RequestTracker,
  tls: ServerTls | undefined,
): Promise<INestApplicationContext> {
  const options = configuration.get(HttpOptions);
  const app = await NestFactory.create<NestFastifyApplication>(
    AppModule.forRoot(parts),
    createCollectorAdapter(options, {
      tracker,
      tls: tls?.serverOptions,
      maxConnections: connectionLimit({
        descriptors: await maxFileDescriptors(),
        ...availableMemory(),
      }),
      closingGraceMs: configuration.get(DeliveryOptions).shutdownTimeoutMs / 2,
      rewriteTarget: rewriteTarget(configuration.get(PathsOptions), {
        signatures: configuration.get(AdmissionOptions).hmacSecret !== undefined,
      }),
    }),
    { abortOnError: false, bodyParser: false },
  );
  tls?.follow(app.getHttpServer());
  await app.init();
  await app.get(Tail).open(tailSocket(configuration.get(QueueingOptions).path));
  await openSalt(app, configuration);
  const queue = app.get(EventQueue);
  parts.readiness.add(() => queueCheck(queue));
  started(app, parts);
  await listen(app, options.address, 'SERVER_ADDR', 'collector');
  return app;
}

/** Lanes alone: what it listens on is the metrics application. */
export async function startDelivery(parts: ApplicationParts): Promise<INestApplicationContext> {
  const app = await NestFactory.createApplicationContext(AppModule.forRoot(parts), {
    abortOnError: false,
  });
  started(app, parts);
  const sinks = app.get(Lanes).all.map(({ name }) => name);
  new Logger('GoTrack').log(`delivers to ${sinks.join(', ')}`);
  return app;
}

function started(app: INestApplicationContext, { readiness }: ApplicationParts): void {
  const deadLetters = app.get(DeadLetters);
  readiness.add(() => deadLettersCheck(deadLetters));
  app.get(Lanes).all.forEach((lane) => readiness.add(() => laneCheck(lane)));
  readiness.started();
}

/** In the queue's directory, which belongs to this process alone. */
async function openSalt(app: INestApplicationContext, configuration: Configuration): Promise<void> {
  const salt = app.get(DailySalt);
  const { path } = configuration.get(QueueingOptions);
  const isUsed = configuration.get(IngestionOptions).visitorHash === true;
  await (isUsed ? salt.open(path) : salt.discard(path));
}
