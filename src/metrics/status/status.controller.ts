import { Controller, Get, Headers, Inject, Req, Res } from '@nestjs/common';
import { parseQuery, rawQueryOf } from '../../event/query.js';
import { HttpError } from '../../http/errors.js';
import { BEARER_TOKEN } from '../bearer.guard.js';
import type { CurrentToken } from '../current-token.js';
import { hasBearerToken, hasTokenAsPassword } from '../has-bearer-token.js';
import { CONTENT_SECURITY_POLICY, renderStatusPage } from './status-page.js';
import { StatusReporter } from './status-reporter.js';

/** The parts of Fastify's request and reply that are used here. */
interface TargetedRequest {
  readonly url: string;
}
interface HeaderReply {
  headers(values: Readonly<Record<string, string>>): unknown;
}

const HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/** For a person who opens the metrics address. */
@Controller()
export class StatusController {
  constructor(
    private readonly reporter: StatusReporter,
    @Inject(BEARER_TOKEN) private readonly token: CurrentToken | undefined,
  ) {}

  /**
   * What `/metrics` needs the token for, the page's figures need it for; a browser can bring it as a password.
   * @throws HttpError that makes a browser ask for the token
   */
  @Get('/')
  async page(
    @Headers('authorization') authorization: string | undefined,
    @Req() { url }: TargetedRequest,
    @Res({ passthrough: true }) reply: HeaderReply,
  ): Promise<string> {
    const withFigures = this.mayHaveFigures(authorization);
    if (!withFigures && parseQuery(rawQueryOf(url)).has('figures')) {
      reply.headers({ 'www-authenticate': 'Basic realm="gotrack metrics", charset="UTF-8"' });
      throw new HttpError('GT_UNAUTHORIZED');
    }
    const page = renderStatusPage(await this.reporter.report(), withFigures);
    reply.headers(HEADERS);
    return page;
  }

  private mayHaveFigures(authorization: string | undefined): boolean {
    const token = this.token?.value;
    return (
      token === undefined ||
      hasBearerToken(authorization, token) ||
      hasTokenAsPassword(authorization, token)
    );
  }
}
