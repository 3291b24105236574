import {
  Controller,
  Get,
  Headers,
  InternalServerErrorException,
  Logger,
  Res,
} from '@nestjs/common';
import { InjectMetric } from '@willsoto/nestjs-prometheus';
import { Counter, Gauge } from 'prom-client';
import { acceptsGzip } from './accepts-gzip.js';
import { Exposition } from './exposition.js';
import { INSTRUMENTS } from './instruments.js';

/** The part of Fastify's reply that is used here. */
interface HeaderReply {
  headers(values: Readonly<Record<string, string>>): unknown;
}

/** `GET /metrics`; the path is the `PrometheusModule`'s. */
@Controller()
export class MetricsController {
  private readonly logger = new Logger('Metrics');

  constructor(
    private readonly exposition: Exposition,
    @InjectMetric(INSTRUMENTS.scrapes.name) private readonly scrapes: Counter<'code'>,
    @InjectMetric(INSTRUMENTS.scrapesInFlight.name) private readonly inFlight: Gauge,
  ) {
    // 503 is promhttp's answer to too many scrapes at once. These share one rendering: it stays at 0.
    for (const code of ['200', '500', '503']) {
      scrapes.inc({ code }, 0);
    }
  }

  @Get()
  async scrape(
    @Headers('accept-encoding') acceptEncoding: string | undefined,
    @Res({ passthrough: true }) reply: HeaderReply,
  ): Promise<string | Buffer> {
    this.inFlight.inc();
    try {
      const gzip = acceptsGzip(acceptEncoding);
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
      throw new InternalServerErrorException('metrics could not be rendered; the log says why');
    } finally {
      this.inFlight.dec();
    }
  }
}
