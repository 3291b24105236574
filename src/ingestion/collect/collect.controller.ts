import { Controller, Post, Req, Res, UseInterceptors } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { HttpMetricsInterceptor } from '../../metrics/http-metrics.interceptor.js';
import { Admission, type Admitted } from '../admission/admission.js';
import { BodyReader, type EventsBody } from '../body/body-reader.js';
import { ParsingTurns } from '../body/parsing-turns.js';
import { Intake } from '../intake.js';
import { Preparation, type PreparedRequest } from '../preparation.js';
import type { Work } from '../work.js';
import { parseEvents } from './parse-events.js';

@Controller('collect')
@UseInterceptors(HttpMetricsInterceptor)
export class CollectController {
  constructor(
    private readonly bodies: BodyReader,
    private readonly turns: ParsingTurns,
    private readonly admission: Admission,
    private readonly preparation: Preparation,
    private readonly intake: Intake,
  ) {}

  @Post()
  async collect(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const prepared = await this.prepared(request, reply);
    const { accepted, dropped, rejected } = await this.intake.take('/collect', prepared);
    void reply.code(202).header('x-gotrack-accepted', accepted);
    if (rejected.count === 0) {
      await reply.send({ status: 'ok', accepted, ...(dropped > 0 && { dropped }) });
      return;
    }
    const counts = dropped > 0 ? `${accepted},"dropped":${dropped}` : `${accepted}`;
    await reply
      .type('application/json; charset=utf-8')
      .send(`{"status":"partial","accepted":${counts},"rejected":${rejected.json()}}`);
  }

  /** The body is out of reach when this has returned. */
  private async prepared(request: FastifyRequest, reply: FastifyReply): Promise<PreparedRequest> {
    const admitted = this.admission.admit(request);
    const body = await this.bodies.read(request.raw, reply.raw, (received) =>
      this.admission.admitBody(admitted, received),
    );
    return this.turns.run(this.work(admitted, body), body.text.length);
  }

  private *work(admitted: Admitted, { form, text }: EventsBody): Work<PreparedRequest> {
    const facts = this.admission.begin(admitted);
    const elements = yield* parseEvents(form, text, this.preparation.options);
    return yield* this.preparation.ofRequest('/collect', elements, facts);
  }
}
