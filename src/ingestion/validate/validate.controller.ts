import { Controller, Post, Req, Res, UseInterceptors } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { InjectOptions } from '../../config/inject-options.js';
import { HttpError } from '../../http/errors.js';
import { HttpMetricsInterceptor } from '../../metrics/http-metrics.interceptor.js';
import { BodyBudget } from '../body/body-budget.js';
import { ParsingTurns } from '../body/parsing-turns.js';
import { EventsReader } from '../collect/events-reader.js';
import { IngestionOptions } from '../ingestion.options.js';
import type { PreparedRequest } from '../prepared-request.js';
import { validationAnswer } from './validation-answer.js';

/** Tells integrators what `/collect` would make of a body. It stores nothing, and counts no events. */
@Controller('collect/validate')
@UseInterceptors(HttpMetricsInterceptor)
export class ValidateController {
  constructor(
    @InjectOptions(IngestionOptions) private readonly options: IngestionOptions,
    private readonly reader: EventsReader,
    private readonly turns: ParsingTurns,
    private readonly budget: BodyBudget,
  ) {}

  @Post()
  async validate(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    if (!this.options.validate) {
      throw new HttpError('GT_NOT_FOUND');
    }
    const share = this.budget.open(request.raw, reply.raw);
    const prepared = await this.reader.read(request, reply);
    const answer = await this.turns.run(validationAnswer(prepared), lengthOf(prepared));
    // Each event gets fields that its body did not have. A client that does not read would hold them all.
    if (!share.take(answer.length)) {
      throw new HttpError('GT_BUSY');
    }
    await reply.code(200).type('application/json; charset=utf-8').send(answer);
  }
}

function lengthOf({ events, rejections }: PreparedRequest): number {
  return events.reduce((sum, { length }) => sum + length, rejections.bytes);
}
