import { Controller, Get, Header, Req, UseInterceptors } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
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
  @Header('content-type', 'text/javascript; charset=utf-8')
  @Header('cross-origin-resource-policy', 'cross-origin')
  @Header('cache-control', 'no-store')
  script(@Req() request: FastifyRequest): string {
    return hmacScript(this.keyOf(request));
  }

  @Get('hmac/public-key')
  @Header('cache-control', 'no-store')
  publicKey(@Req() request: FastifyRequest): object {
    return {
      public_key: this.keyOf(request).toString('base64'),
      algorithm: 'HMAC-SHA256',
      header: 'X-GoTrack-HMAC',
    };
  }

  private keyOf(request: FastifyRequest): Buffer {
    const address = this.clientAddress.of(request.raw);
    if (!this.clientKeys.enabled || address === undefined) {
      throw new HttpError('GT_NOT_FOUND');
    }
    return this.clientKeys.keyFor(address);
  }
}
