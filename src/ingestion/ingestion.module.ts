import { Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { BodyReader } from './body.js';
import { BodyBudget } from './body-budget.js';
import { ClientAddress } from './client-address.js';
import { CollectController } from './collect.controller.js';
import { ErrorFilter } from './error-filter.js';
import { Intake } from './intake.js';
import { ParsingTurns } from './parsing-turns.js';
import { PixelController } from './pixel.controller.js';
import { RejectedReplay } from './rejected-replay.js';
import { ServerFieldsOfAddress } from './server-fields.js';

const MAX_BODY_BYTES_IN_FLIGHT = 64 * 1024 * 1024;

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
    { provide: APP_FILTER, useClass: ErrorFilter },
  ],
})
export class IngestionModule {}
