import { Controller, Post, Req, Res, UseInterceptors } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { HttpMetricsInterceptor } from '../../metrics/http-metrics.interceptor.js';
import { Intake } from '../intake.js';
import { collectAnswer } from './collect-answer.js';
import { EventsReader } from './events-reader.js';

@Controller('collect')
@UseInterceptors(HttpMetricsInterceptor)
export class CollectController {
  constructor(
    private readonly reader: EventsReader,
    private readonly intake: Intake,
  ) {}

  @Post()
  async collect(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const prepared = await this.reader.read(request, reply);
    const { warnings } = prepared;
    const outcome = await this.intake.take('/collect', prepared);
    await reply
      .code(202)
      .header('x-gotrack-accepted', outcome.accepted)
      .type('application/json; charset=utf-8')
      .send(collectAnswer(outcome, warnings));
  }
}
