import { Controller, Post, Req, Res, UseInterceptors } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { InjectOptions } from '../../config/inject-options.js';
import { HttpMetricsInterceptor } from '../../metrics/http-metrics.interceptor.js';
import { Admission } from '../admission/admission.js';
import { BodyReader } from '../body/body-reader.js';
import { ParsingTurns } from '../body/parsing-turns.js';
import { IngestionOptions } from '../ingestion.options.js';
import { Intake } from '../intake.js';
import { parseEvents } from './parse-events.js';

@Controller('collect')
@UseInterceptors(HttpMetricsInterceptor)
export class CollectController {
  constructor(
    @InjectOptions(IngestionOptions) private readonly options: IngestionOptions,
    private readonly bodies: BodyReader,
    private readonly turns: ParsingTurns,
    private readonly admission: Admission,
    private readonly intake: Intake,
  ) {}

  @Post()
  async collect(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const admitted = this.admission.admit(request);
    const { form, text } = await this.bodies.read(request.raw, reply.raw, (received) =>
      this.admission.admitBody(admitted, received),
    );
    await this.turns.next(text.length);
    const facts = this.admission.begin(admitted);
    const elements = parseEvents(form, text, this.options.maxBatchEvents);
    const { accepted, dropped, rejected } = await this.intake.take('/collect', elements, facts);
    await reply
      .code(202)
      .header('x-gotrack-accepted', accepted)
      .send({
        status: rejected.length === 0 ? 'ok' : 'partial',
        accepted,
        ...(dropped > 0 && { dropped }),
        ...(rejected.length > 0 && { rejected }),
      });
  }
}
