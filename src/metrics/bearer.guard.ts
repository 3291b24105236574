import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { HttpError } from '../http/errors.js';
import type { CurrentToken } from './current-token.js';
import { hasBearerToken } from './has-bearer-token.js';

/** For the `CurrentToken` that requests have to bring, or `undefined`. */
export const BEARER_TOKEN = Symbol('bearer token');

/** The parts of Fastify's request and reply that are used here. */
interface AskingRequest {
  readonly headers: { readonly authorization?: string };
}
interface HeaderReply {
  header(name: string, value: string): unknown;
}

/** Keeps those out who do not bring the token, once there is one. */
@Injectable()
export class BearerGuard implements CanActivate {
  constructor(@Inject(BEARER_TOKEN) private readonly token: CurrentToken | undefined) {}

  /** @throws HttpError with the same answer for a wrong token as for none */
  canActivate(context: ExecutionContext): boolean {
    const http = context.switchToHttp();
    const { authorization } = http.getRequest<AskingRequest>().headers;
    const token = this.token?.value;
    if (token !== undefined && !hasBearerToken(authorization, token)) {
      http.getResponse<HeaderReply>().header('www-authenticate', 'Bearer realm="gotrack metrics"');
      throw new HttpError('GT_UNAUTHORIZED');
    }
    return true;
  }
}
