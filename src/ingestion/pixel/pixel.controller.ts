import type { OutgoingHttpHeaders } from 'node:http';
import { Controller, Get, Inject, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Sanitizer } from '../../event/sanitize.js';
import { nameEndpoint } from '../../http/request-tracker.js';
import { Admission } from '../admission/admission.js';
import { ParsingTurns } from '../body/parsing-turns.js';
import { Intake } from '../intake.js';
import { Preparation } from '../preparation.js';
import type { PreparedRequest } from '../prepared-request.js';
import type { Work } from '../../event/work.js';
import { pixelEvent } from './pixel-event.js';

/** GIF89a of one transparent pixel, a byte a character. */
const GIF = Buffer.from(
  'R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7',
  'base64',
).toString('latin1');

const HEADERS = {
  'content-type': 'image/gif',
  'content-length': String(GIF.length),
  'cache-control': 'no-store, no-cache, must-revalidate, max-age=0',
  pragma: 'no-cache',
  expires: '0',
  'cross-origin-resource-policy': 'cross-origin',
};

/** Characters. So few never make a turn of the event loop long. */
const SHORT_TARGET = 2048;

/**
 * Fastify serves HEAD with the same handler: a client that asks for the headers was there too.
 *
 * Without an interceptor: Nest's way through one costs a quarter of this request. The endpoint is named here,
 * because the router also finds it under `/px%2Egif` and `http://host/px.gif`.
 */
@Controller('px.gif')
export class PixelController {
  constructor(
    private readonly turns: ParsingTurns,
    private readonly admission: Admission,
    private readonly preparation: Preparation,
    private readonly intake: Intake,
    @Inject(Sanitizer) private readonly sanitizer: Sanitizer | undefined,
  ) {}

  @Get()
  async pixel(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    nameEndpoint(reply.raw, '/px.gif');
    const target = request.raw.url ?? '';
    const prepared =
      target.length <= SHORT_TARGET
        ? this.prepare(request)
        : await this.turns.run(this.work(request), 0);
    await this.intake.take('/px.gif', prepared);
    sendGif(reply);
  }

  private *work(request: FastifyRequest): Work<PreparedRequest> {
    yield;
    return this.prepare(request);
  }

  private prepare(request: FastifyRequest): PreparedRequest {
    const { facts } = this.admission.admit(request);
    const event = pixelEvent(facts.query, facts.headers, this.sanitizer);
    return this.preparation.ofOne(event, this.preparation.contextsOf('/px.gif', facts));
  }
}

/**
 * Past Fastify, which sends bytes as a buffer: Node writes a text and its headers in one piece, which
 * takes a quarter off a request. What hooks put on the reply (CORS) goes along.
 */
function sendGif(reply: FastifyReply): void {
  reply.hijack();
  const headers = reply.getHeaders() as OutgoingHttpHeaders;
  reply.raw.writeHead(200, Object.assign(headers, HEADERS));
  reply.raw.end(GIF, 'latin1');
}
