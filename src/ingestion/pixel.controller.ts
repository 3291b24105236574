import { Controller, Get, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type PixelQuery, pixelEvent } from '../event/pixel.js';
import { Intake } from './intake.js';

/** GIF89a of one transparent pixel. */
const GIF = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64');

const HEADERS = {
  'content-type': 'image/gif',
  'content-length': String(GIF.length),
  'cache-control': 'no-store, no-cache, must-revalidate, max-age=0',
  pragma: 'no-cache',
  expires: '0',
};

/** Fastify serves HEAD with the same handler: a client that asks for the headers was there too. */
@Controller('px.gif')
export class PixelController {
  readonly #intake: Intake;

  constructor(intake: Intake) {
    this.#intake = intake;
  }

  @Get()
  async pixel(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const event = pixelEvent(request.query as PixelQuery, request.headers, this.#intake.sanitizer);
    await this.#intake.take('/px.gif', [event], request);
    await reply.headers(HEADERS).send(GIF);
  }
}
