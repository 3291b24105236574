import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import { Injectable } from '@nestjs/common';
import { InjectOptions } from '../config/inject-options.js';
import { ClientAddress } from './client-address.js';
import { HttpOptions } from './http.options.js';

/** The address under which clients reach the collector, for what tells them where to send. */
@Injectable()
export class PublicAddress {
  private readonly configured: string | undefined;

  constructor(
    @InjectOptions(HttpOptions) { publicUrl }: HttpOptions,
    private readonly clientAddress: ClientAddress,
  ) {
    this.configured = publicUrl;
  }

  /** PUBLIC_URL, else where this request went. Without a slash at its end. */
  of(request: IncomingMessage): string {
    return this.configured ?? requested(request, this.clientAddress.isFromProxy(request));
  }
}

/** @param isForwarded a trusted proxy says where the client sent it */
function requested({ socket, headers }: IncomingMessage, isForwarded: boolean): string {
  const own = socket instanceof TLSSocket ? 'https' : 'http';
  const scheme = isForwarded ? (firstOf(headers['x-forwarded-proto']) ?? own) : own;
  const host = (isForwarded ? firstOf(headers['x-forwarded-host']) : undefined) ?? headers.host;
  const address = URL.parse(`${scheme === 'https' ? 'https' : 'http'}://${host}`);
  return address?.origin ?? `${own}://localhost`;
}

function firstOf(header: string | string[] | undefined): string | undefined {
  return (
    String(header ?? '')
      .split(',', 1)[0]
      ?.trim()
      .toLowerCase() || undefined
  );
}
