import { Controller, Get, Headers, Logger, Res, UseGuards } from '@nestjs/common';
import { InjectMetric } from '@willsoto/nestjs-prometheus';
import { Counter, Gauge } from 'prom-client';
import { codingWeight } from '../http/coding-weight.js';
import { HttpError } from '../http/errors.js';
import { BearerGuard } from './bearer.guard.js';
import { Exposition } from './exposition.js';
import { INSTRUMENTS } from './instruments.js';

/** They share one rendering; the limit is on answers that wait for it, or for their readers. */
const MAX_SCRAPES = 16;

/** The part of Fastify's reply that is used here. */
interface HeaderReply {
  headers(values: Readonly<Record<string, string>>): unknown;
  readonly raw: { once(event: 'close', listener: () => void): unknown };
}

/** `GET /metrics`; the path is the `PrometheusModule`'s. */
@Controller()
@UseGuards(BearerGuard)
export class MetricsController {
  private readonly logger = new Logger('Metrics');
  private underWay = 0;

  constructor(
    private readonly exposition: Exposition,
    @InjectMetric(INSTRUMENTS.scrapes.name) private readonly scrapes: Counter<'code'>,
    @InjectMetric(INSTRUMENTS.scrapesInFlight.name) private readonly inFlight: Gauge,
  ) {
    for (const code of ['200', '500', '503']) {
      scrapes.inc({ code }, 0);
    }
  }

  @Get()
  async scrape(
    @Headers('accept-encoding') acceptEncoding: string | undefined,
    @Res({ passthrough: true }) reply: HeaderReply,
  ): Promise<string | Buffer> {
    if (this.underWay >= MAX_SCRAPES) {
      this.scrapes.inc({ code: '503' });
      throw new HttpError('GT_TOO_MANY_SCRAPES', `${MAX_SCRAPES} scrapes are under way`);
    }
    this.begin(reply);
    try {
      const gzip = codingWeight(acceptEncoding, 'gzip') > 0;
      const body = await (gzip ? this.exposition.gzipped() : this.exposition.text());
      reply.headers({
        'content-type': this.exposition.contentType,
        vary: 'accept-encoding',
        ...(gzip && { 'content-encoding': 'gzip' }),
      });
      this.scrapes.inc({ code: '200' });
      return body;
    } catch (error) {
      this.scrapes.inc({ code: '500' });
      this.logger.error(`metrics could not be rendered: ${String(error)}`);
      throw new HttpError('GT_METRICS_FAILED', undefined, { cause: error });
    }
  }

  /** A scrape lasts until its reader has it, or has gone. */
  private begin(reply: HeaderReply): void {
    this.underWay += 1;
    this.inFlight.inc();
    reply.raw.once('close', () => {
      this.underWay -= 1;
      this.inFlight.dec();
    });
  }
}
