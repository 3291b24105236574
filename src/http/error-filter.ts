import {
  type ArgumentsHost,
  Catch,
  type ExceptionFilter,
  HttpException,
  Logger,
} from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { IngestionError } from './errors.js';
import { allowHeader } from './routes.js';

/** Every error of the collector leaves through here, as JSON of one shape. */
@Catch()
export class ErrorFilter implements ExceptionFilter<unknown> {
  readonly #logger = new Logger('Collector');

  catch(thrown: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    const error = asIngestionError(thrown, request);
    if (error.code === 'GT_INTERNAL') {
      this.#logger.error(
        `unexpected error while handling a request: ${String(thrown)}`,
        thrown instanceof Error ? thrown.stack : undefined,
      );
    }
    if (reply.sent || reply.raw.headersSent) {
      reply.raw.destroy();
      return;
    }
    sendError(reply, error, request.raw.url ?? '');
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
  sendError(reply, new IngestionError('GT_BAD_URL'), '');
}

/** A line that ends behind its path is HTTP/0.9 to Node's parser; to everyone else it is no request. */
export function refuseOldVersions(
  { raw }: FastifyRequest,
  reply: FastifyReply,
  done: () => void,
): void {
  if (raw.httpVersionMajor > 0) {
    done();
    return;
  }
  sendError(reply, new IngestionError('GT_BAD_REQUEST', 'send it as HTTP/1.1'), '');
}

function sendError(reply: FastifyReply, error: IngestionError, target: string): void {
  if (error.code === 'GT_METHOD_NOT_ALLOWED') {
    void reply.header('allow', allowHeader(target));
  }
  if (error.retryAfterSeconds !== undefined) {
    void reply.header('retry-after', error.retryAfterSeconds);
  }
  void reply.code(error.statusCode).header('cache-control', 'no-store').send(error.answer());
}

function asIngestionError(thrown: unknown, request: FastifyRequest): IngestionError {
  if (request.is404) {
    const known = allowHeader(request.raw.url ?? '') !== undefined;
    return new IngestionError(known ? 'GT_METHOD_NOT_ALLOWED' : 'GT_NOT_FOUND');
  }
  if (thrown instanceof IngestionError) {
    return thrown;
  }
  const status = thrown instanceof HttpException ? thrown.getStatus() : 500;
  if (status === 415) {
    return new IngestionError('GT_UNSUPPORTED_MEDIA_TYPE', undefined, { cause: thrown });
  }
  return new IngestionError(status < 500 ? 'GT_BAD_REQUEST' : 'GT_INTERNAL', undefined, {
    cause: thrown,
  });
}
