import {
  type ArgumentsHost,
  Catch,
  type ExceptionFilter,
  HttpException,
  Logger,
} from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { HttpError } from './errors.js';
import { allowHeader, type Route } from './routes.js';

export interface ErrorFilterOptions {
  /** What the log calls the application. */
  readonly application: string;
  readonly routes: readonly Route[];
  /** What an answer of 404 says after its message. */
  readonly notFoundDetail: string;
}

/** Every error of an application leaves through here, as JSON of one shape. */
@Catch()
export class ErrorFilter implements ExceptionFilter<unknown> {
  private readonly logger: Logger;

  constructor(private readonly options: ErrorFilterOptions) {
    this.logger = new Logger(options.application);
  }

  catch(thrown: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    const error = this.asHttpError(thrown, request);
    if (error.code === 'GT_INTERNAL') {
      this.logger.error(
        `unexpected error while handling a request: ${String(thrown)}`,
        thrown instanceof Error ? thrown.stack : undefined,
      );
    }
    if (reply.sent || reply.raw.headersSent) {
      reply.raw.destroy();
      return;
    }
    if (error.code === 'GT_METHOD_NOT_ALLOWED') {
      void reply.header('allow', allowHeader(this.options.routes, request.raw.url ?? ''));
    }
    sendError(reply, error);
  }

  private asHttpError(thrown: unknown, request: FastifyRequest): HttpError {
    if (request.is404) {
      const { routes, notFoundDetail } = this.options;
      return allowHeader(routes, request.raw.url ?? '') === undefined
        ? new HttpError('GT_NOT_FOUND', notFoundDetail)
        : new HttpError('GT_METHOD_NOT_ALLOWED');
    }
    if (thrown instanceof HttpError) {
      return thrown;
    }
    const cause = { cause: thrown };
    const status = thrown instanceof HttpException ? thrown.getStatus() : 500;
    if (status === 415) {
      return new HttpError('GT_UNSUPPORTED_MEDIA_TYPE', undefined, cause);
    }
    return new HttpError(status < 500 ? 'GT_BAD_REQUEST' : 'GT_INTERNAL', undefined, cause);
  }
}

/** What Fastify refuses before a request has a route: its own answer would have another shape. */
export function sendFrameworkError(
  _error: Error,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  if (!request.server.server.listening) {
    void reply.header('connection', 'close');
  }
  sendError(reply, new HttpError('GT_BAD_URL'));
}

/** Sends an error that no filter sees. */
export function sendError(reply: FastifyReply, error: HttpError): void {
  if (error.retryAfterSeconds !== undefined) {
    void reply.header('retry-after', error.retryAfterSeconds);
  }
  if (error.challenge !== undefined) {
    void reply.header('www-authenticate', error.challenge);
  }
  void reply.code(error.statusCode).header('cache-control', 'no-store').send(error.answer());
}
