import { Controller, Post, Req, Res, UseInterceptors } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { HttpMetricsInterceptor } from '../../metrics/http-metrics.interceptor.js';
import { AllRejectedError } from '../all-rejected-error.js';
import { Intake } from '../intake.js';
import type { PreparedRequest } from '../prepared-request.js';
import type { Rejections } from '../rejected/rejections.js';
import type { Call } from './mapping.js';
import { MessagesReader } from './messages-reader.js';

/**
 * The Segment HTTP API. A body that can be read is answered with success, whatever is in it: SDKs drop or repeat all of
 * a batch on an error, and some crash.
 */
@Controller('v1')
@UseInterceptors(HttpMetricsInterceptor)
export class SegmentController {
  constructor(
    private readonly reader: MessagesReader,
    private readonly intake: Intake,
  ) {}

  @Post('track')
  track(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.take('track', request, reply);
  }

  @Post('page')
  page(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.take('page', request, reply);
  }

  @Post('screen')
  screen(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.take('screen', request, reply);
  }

  @Post('identify')
  identify(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.take('identify', request, reply);
  }

  @Post('group')
  group(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.take('group', request, reply);
  }

  @Post('alias')
  alias(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.take('alias', request, reply);
  }

  @Post('batch')
  batch(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.take('batch', request, reply);
  }

  private async take(
    call: Call | 'batch',
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    const endpoint = `/v1/${call}` as const;
    const single = call === 'batch' ? undefined : call;
    const prepared = await this.reader.read(request, reply, endpoint, single);
    const rejected = await this.rejectedOf(endpoint, prepared);
    const told = rejected.count === 0 ? '' : `,"rejected":${rejected.json()}`;
    await reply.code(200).type('application/json; charset=utf-8').send(`{"success":true${told}}`);
  }

  private async rejectedOf(
    endpoint: `/v1/${Call | 'batch'}`,
    prepared: PreparedRequest,
  ): Promise<Rejections> {
    try {
      return (await this.intake.take(endpoint, prepared)).rejected;
    } catch (error) {
      if (error instanceof AllRejectedError) {
        return error.rejected;
      }
      throw error;
    }
  }
}
