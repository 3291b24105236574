import { Controller, Get, Req, Res, UseInterceptors } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { rawQueryOf } from '../../event/query.js';
import { PublicAddress } from '../../http/public-address.js';
import { HttpMetricsInterceptor } from '../../metrics/http-metrics.interceptor.js';
import { senderOf, separateQuery } from '../admission/sender.js';
import { projectOf, SETTINGS, SOURCE_CONFIG } from './paths.js';
import { keyOfSegment } from './segment-key.js';

/**
 * Tells browser SDKs, before they send, that all they do is send to us. Nothing of it is a secret, and every key gets
 * the same answer: a wrong one is refused when it sends.
 */
@Controller()
@UseInterceptors(HttpMetricsInterceptor)
export class SourcesController {
  constructor(private readonly publicAddress: PublicAddress) {}

  /** What `@segment/analytics-next` asks for. */
  @Get(SETTINGS)
  async settings(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const address = this.publicAddress.of(request.raw);
    const [protocol = '', host = ''] = address.split('://', 2);
    await send(reply, {
      integrations: {
        'Segment.io': {
          apiKey: projectOf(request.originalUrl),
          apiHost: `${host}/v1`,
          protocol,
          unbundledIntegrations: [],
          addBundledMetadata: true,
          versionSettings: { version: '4.4.7', componentTypes: ['browser'] },
        },
      },
      plan: { track: {}, identify: {}, group: {} },
      edgeFunction: {},
      analyticsNextEnabled: true,
      enabledMiddleware: {},
      metrics: { sampleRate: 0 },
      legacyVideoPluginsEnabled: false,
      remotePlugins: [],
    });
  }

  /** What `@rudderstack/analytics-js` asks for. */
  @Get(SOURCE_CONFIG)
  async sourceConfig(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const separated = separateQuery(rawQueryOf(request.raw.url ?? ''));
    const key =
      senderOf(request.headers, separated).key ?? keyOfSegment(request.headers, separated.query);
    await send(reply, {
      source: {
        id: 'gotrack',
        name: 'gotrack',
        writeKey: key ?? '',
        enabled: true,
        config: { statsCollection: { errors: { enabled: false }, metrics: { enabled: false } } },
        connections: [],
        destinations: [],
        dataplanes: {},
        workspaceId: 'gotrack',
        updatedAt: NEVER,
      },
      updatedAt: NEVER,
    });
  }
}

const NEVER = '1970-01-01T00:00:00.000Z';

async function send(reply: FastifyReply, answer: object): Promise<void> {
  await reply
    .header('cache-control', 'no-store')
    .type('application/json; charset=utf-8')
    .send(JSON.stringify(answer));
}
