import { Controller, Get, Res, UseInterceptors } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { readBuildInfo } from '../../config/build-info.js';
import { InjectOptions } from '../../config/inject-options.js';
import { eventSchemaDocument } from '../../event/published-schema.js';
import { HttpOptions } from '../../http/http.options.js';
import { HttpMetricsInterceptor } from '../../metrics/http-metrics.interceptor.js';
import { AdmissionOptions } from '../admission/admission.options.js';
import { IngestionOptions } from '../ingestion.options.js';
import { PathsOptions } from '../paths.options.js';
import { EVENT_SCHEMA, OPENAPI } from '../routes.js';
import { openApiDocument } from './document.js';

/** Describes the collector to programs. */
@Controller()
@UseInterceptors(HttpMetricsInterceptor)
export class DescriptionController {
  private readonly openApi: string;
  private readonly event = JSON.stringify(eventSchemaDocument());

  constructor(
    @InjectOptions(HttpOptions) { publicUrl }: HttpOptions,
    @InjectOptions(PathsOptions) paths: PathsOptions,
    @InjectOptions(IngestionOptions) { validate }: IngestionOptions,
    @InjectOptions(AdmissionOptions) { hmacSecret }: AdmissionOptions,
  ) {
    const { version } = readBuildInfo();
    const signatures = hmacSecret !== undefined;
    this.openApi = JSON.stringify(
      openApiDocument({ version, publicUrl, paths, validate, signatures }),
    );
  }

  @Get(OPENAPI)
  openapi(@Res() reply: FastifyReply): Promise<void> {
    return send(reply, this.openApi);
  }

  @Get(EVENT_SCHEMA)
  eventSchema(@Res() reply: FastifyReply): Promise<void> {
    return send(reply, this.event);
  }
}

async function send(reply: FastifyReply, json: string): Promise<void> {
  // The next start may have another configuration, and the next version other fields.
  await reply
    .header('cache-control', 'no-cache')
    .type('application/json; charset=utf-8')
    .send(json);
}
