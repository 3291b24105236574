import { Module } from '@nestjs/common';
import { getConfigToken } from '@nestjs/config';
import { APP_FILTER } from '@nestjs/core';
import { DeadLetterOptions } from '../config/dead-letter.options.js';
import { createSanitizer, Sanitizer } from '../event/sanitize.js';
import { ClientAddress } from '../http/client-address.js';
import { ErrorFilter } from '../http/error-filter.js';
import { PublicAddress } from '../http/public-address.js';
import { PipelineObserver } from '../metrics/pipeline-observer.js';
import { ADMISSION_STEPS } from './admission/admission.catalogue.js';
import { Admission } from './admission/admission.js';
import type { AdmissionStep } from './admission/admission-step.js';
import { SourceKeys } from './admission/source-keys.js';
import { AssetsController } from './assets/assets.controller.js';
import { ASSETS_DIRECTORY, ClientAssets } from './assets/client-assets.js';
import { BodyBudget } from './body/body-budget.js';
import { BodyReader } from './body/body-reader.js';
import { ParsingTurns } from './body/parsing-turns.js';
import { CollectController } from './collect/collect.controller.js';
import { EventsReader } from './collect/events-reader.js';
import { DailySalt } from './enrichment/daily-salt.js';
import { ENRICHMENT_STEPS } from './enrichment/enrichment.catalogue.js';
import { Enrichment } from './enrichment/enrichment.js';
import type { EnrichmentStep } from './enrichment/enrichment-step.js';
import { GeoOptions } from './enrichment/places/geo.options.js';
import { Places } from './enrichment/places/places.js';
import { IngestionOptions } from './ingestion.options.js';
import { Intake } from './intake.js';
import { ClientKeys } from './signing/client-keys.js';
import { SigningController } from './signing/signing.controller.js';
import { PixelController } from './pixel/pixel.controller.js';
import { DescriptionController } from './openapi/description.controller.js';
import { Preparation } from './preparation.js';
import { RejectedReplay } from './rejected/rejected-replay.js';
import { RejectedRing } from './rejected/rejected-ring.js';
import { servedRoutes } from './routes.js';
import { SampleEvents } from './sample-events.js';
import { EventSchemas } from './schemas/event-schemas.js';
import { SchemasOptions } from './schemas/schemas.options.js';
import { MessagesReader } from './segment/messages-reader.js';
import { SegmentController } from './segment/segment.controller.js';
import { SourcesController } from './segment/sources.controller.js';
import { Tail } from './tail/tail.js';
import { TailedQueue } from './tail/tailed-queue.js';
import { ValidateController } from './validate/validate.controller.js';

const MIB = 1024 * 1024;
const MAX_BODY_BYTES_IN_FLIGHT = 64 * MIB;

/** The public way in. The queue, the files of rejected events, `PipelineObserver` and the options come from global modules. */
@Module({
  controllers: [
    PixelController,
    CollectController,
    ValidateController,
    SegmentController,
    SourcesController,
    SigningController,
    AssetsController,
    DescriptionController,
  ],
  providers: [
    Intake,
    Preparation,
    BodyReader,
    EventsReader,
    MessagesReader,
    ParsingTurns,
    ClientAddress,
    PublicAddress,
    ClientKeys,
    SourceKeys,
    RejectedReplay,
    SampleEvents,
    Tail,
    TailedQueue,
    ...ADMISSION_STEPS,
    {
      provide: Admission,
      inject: [ClientAddress, PipelineObserver, ...ADMISSION_STEPS],
      useFactory: (
        clientAddress: ClientAddress,
        observer: PipelineObserver,
        ...steps: AdmissionStep[]
      ) => new Admission(clientAddress, steps, observer),
    },
    {
      provide: Places,
      inject: [getConfigToken(GeoOptions.key), PipelineObserver],
      useFactory: (options: GeoOptions, observer: PipelineObserver) =>
        Places.open(options, observer),
    },
    {
      provide: EventSchemas,
      inject: [getConfigToken(SchemasOptions.key), PipelineObserver],
      useFactory: (options: SchemasOptions, observer: PipelineObserver) =>
        EventSchemas.open(options, observer),
    },
    { provide: DailySalt, useFactory: () => new DailySalt() },
    ...ENRICHMENT_STEPS,
    {
      provide: Enrichment,
      inject: [PipelineObserver, ...ENRICHMENT_STEPS],
      useFactory: (observer: PipelineObserver, ...steps: EnrichmentStep[]) =>
        new Enrichment(steps, observer),
    },
    {
      provide: Sanitizer,
      inject: [getConfigToken(IngestionOptions.key)],
      useFactory: ({ sanitizeParams }: IngestionOptions) => createSanitizer(sanitizeParams),
    },
    { provide: ClientAssets, useFactory: () => ClientAssets.load(ASSETS_DIRECTORY) },
    { provide: BodyBudget, useFactory: () => new BodyBudget(MAX_BODY_BYTES_IN_FLIGHT) },
    {
      provide: RejectedRing,
      inject: [getConfigToken(DeadLetterOptions.key), PipelineObserver],
      useFactory: ({ path, maxMegabytes }: DeadLetterOptions, observer: PipelineObserver) =>
        new RejectedRing(path, (maxMegabytes * MIB) / 4, observer),
    },
    {
      provide: APP_FILTER,
      inject: [getConfigToken(IngestionOptions.key)],
      useFactory: (options: IngestionOptions) =>
        new ErrorFilter({
          application: 'Collector',
          routes: servedRoutes(options),
          notFoundDetail: 'events go to POST /collect, GET /px.gif or POST /v1/batch',
        }),
    },
  ],
})
export class IngestionModule {}
