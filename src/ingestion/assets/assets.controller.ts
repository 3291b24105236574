import { Controller, Get, Req, Res, UseInterceptors } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { InjectOptions } from '../../config/inject-options.js';
import { codingWeight } from '../../http/coding-weight.js';
import { HttpError } from '../../http/errors.js';
import { HttpMetricsInterceptor } from '../../metrics/http-metrics.interceptor.js';
import { PathsOptions } from '../paths.options.js';
import { pathOf } from '../rewrite-target.js';
import { type Asset, ClientAssets, type Coding } from './client-assets.js';
import { CLIENT, CLIENT_ROUTES, clientName } from './client-names.js';

const FOR_AN_HOUR = 'public, max-age=3600';
const FOR_EVER = 'public, max-age=31536000, immutable';

/** `CORS_ORIGINS` is about events: any page may load the script, also with `crossorigin` and `integrity`. */
const HEADERS = {
  'content-type': 'text/javascript; charset=utf-8',
  'x-content-type-options': 'nosniff',
  'access-control-allow-origin': '*',
  'cross-origin-resource-policy': 'cross-origin',
  vary: 'Accept-Encoding',
};

/** The browser client's files. `rewriteTarget` leads here from where `CLIENT_PATH` puts them. */
@Controller()
@UseInterceptors(HttpMetricsInterceptor)
export class AssetsController {
  constructor(
    private readonly assets: ClientAssets,
    @InjectOptions(PathsOptions) private readonly paths: PathsOptions,
  ) {}

  @Get(CLIENT_ROUTES)
  async file(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const asset = this.assets.find(request.routeOptions.url ?? '');
    const hash = this.hashIn(request.originalUrl);
    if (asset === undefined || (hash !== undefined && hash !== asset.hash)) {
      throw new HttpError('GT_NOT_FOUND');
    }
    const coding = bestCoding(request.headers['accept-encoding']);
    const { body, etag } = asset.codings[coding];
    void reply
      .removeHeader('access-control-allow-credentials')
      .headers({ ...HEADERS, etag })
      .headers(
        hash === undefined
          ? { 'cache-control': FOR_AN_HOUR, 'content-location': this.hashedName(request, asset) }
          : { 'cache-control': FOR_EVER },
      );
    if (matches(request.headers['if-none-match'], etag)) {
      await reply.code(304).send();
      return;
    }
    if (coding !== 'identity') {
      void reply.header('content-encoding', coding);
    }
    await reply.send(body);
  }

  private hashIn(target: string): string | undefined {
    return clientName(pathOf(target), this.paths.clientPath)?.hash;
  }

  /** The name that may be kept for ever, beside the one that was asked for. */
  private hashedName({ routeOptions }: FastifyRequest, { hash }: Asset): string {
    const directory = this.paths.clientPath.lastIndexOf('/') + 1;
    const ending = (routeOptions.url ?? '').slice(CLIENT.length, -'.js'.length);
    return `${this.paths.clientPath.slice(directory)}${ending}.${hash}.js`;
  }
}

/** Whether an If-None-Match header (RFC 9110, 13.1.2) names the tag; proxies that compress make it a weak one. */
function matches(header: string | undefined, etag: string): boolean {
  return (header ?? '').split(',').some((tag) => {
    const text = tag.trim();
    return text === '*' || text.replace(/^W\//, '') === etag;
  });
}

function bestCoding(header: string | undefined): Coding {
  const br = codingWeight(header, 'br');
  const gzip = codingWeight(header, 'gzip');
  if (br === 0 && gzip === 0) {
    return 'identity';
  }
  return br >= gzip ? 'br' : 'gzip';
}
