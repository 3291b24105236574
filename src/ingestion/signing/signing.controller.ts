import { Controller, Get, Req, Res, UseInterceptors } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ClientAddress } from '../../http/client-address.js';
import { HttpError } from '../../http/errors.js';
import { HttpMetricsInterceptor } from '../../metrics/http-metrics.interceptor.js';
import { ClientKeys } from './client-keys.js';
import { hmacScript } from './hmac-script.js';

/** Gives each client the key that it signs with. Never cached: the next client behind a proxy has another. */
@Controller()
@UseInterceptors(HttpMetricsInterceptor)
export class SigningController {
  constructor(
    private readonly clientKeys: ClientKeys,
    private readonly clientAddress: ClientAddress,
  ) {}

  @Get('hmac.js')
  async script(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const script = hmacScript(this.keyOf(request));
    await reply
      .headers({
        'content-type': 'text/javascript; charset=utf-8',
        'cache-control': 'no-store',
        'cross-origin-resource-policy': 'cross-origin',
      })
      .send(script);
  }

  @Get('hmac/public-key')
  async publicKey(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const key = this.keyOf(request).toString('base64');
    await reply
      .header('cache-control', 'no-store')
      .send({ public_key: key, algorithm: 'HMAC-SHA256', header: 'X-GoTrack-HMAC' });
  }

  private keyOf(request: FastifyRequest): Buffer {
    const address = this.clientAddress.of(request.raw);
    if (!this.clientKeys.enabled || address === undefined) {
      throw new HttpError('GT_NOT_FOUND');
    }
    return this.clientKeys.keyFor(address);
  }
}
