import { Module } from '@nestjs/common';
import { getConfigToken } from '@nestjs/config';
import { APP_FILTER } from '@nestjs/core';
import { DeadLetterOptions } from '../config/dead-letter.options.js';
import { PipelineObserver } from '../metrics/pipeline-observer.js';
import { BodyReader } from './body/body-reader.js';
import { BodyBudget } from './body/body-budget.js';
import { ClientAddress } from '../http/client-address.js';
import { CollectController } from './collect/collect.controller.js';
import { ErrorFilter } from '../http/error-filter.js';
import { Intake } from './intake.js';
import { ParsingTurns } from './body/parsing-turns.js';
import { PixelController } from './pixel/pixel.controller.js';
import { RejectedRing } from './rejected/rejected-ring.js';
import { RejectedReplay } from './rejected/rejected-replay.js';
import { ROUTES } from './routes.js';
import { ServerFieldsOfAddress } from './enrichment/address-anonymizer.js';

const MIB = 1024 * 1024;
const MAX_BODY_BYTES_IN_FLIGHT = 64 * MIB;

/** The public way in. The queue, the files of rejected events, `PipelineObserver` and the options come from global modules. */
@Module({
  controllers: [PixelController, CollectController],
  providers: [
    Intake,
    BodyReader,
    ParsingTurns,
    ClientAddress,
    ServerFieldsOfAddress,
    RejectedReplay,
    { provide: BodyBudget, useFactory: () => new BodyBudget(MAX_BODY_BYTES_IN_FLIGHT) },
    {
      provide: RejectedRing,
      inject: [getConfigToken(DeadLetterOptions.key), PipelineObserver],
      useFactory: ({ path, maxMegabytes }: DeadLetterOptions, observer: PipelineObserver) =>
        new RejectedRing(path, (maxMegabytes * MIB) / 4, observer),
    },
    {
      provide: APP_FILTER,
      useFactory: () =>
        new ErrorFilter({
          application: 'Collector',
          routes: ROUTES,
          notFoundDetail: 'events go to POST /collect or GET /px.gif',
        }),
    },
  ],
})
export class IngestionModule {}
