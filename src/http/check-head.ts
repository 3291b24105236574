import type { IncomingMessage } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { sendError } from './error-filter.js';
import { HttpError } from './errors.js';

/** The beginning of a Content-Type (RFC 9110, 8.3.1). */
const MEDIA_TYPE = /^\s*[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+\s*(?:;|$)/;
const UNKNOWN_TYPE = 'application/octet-stream';

/** A hook for what Node's parser lets through and no handler may see. It comes before every other. */
export function checkHead({ raw }: FastifyRequest, reply: FastifyReply, done: () => void): void {
  const error = faultOfHead(raw);
  if (error === undefined) {
    // An empty one is none (RFC 9110, 8.3); Fastify would refuse it.
    const type = raw.headers['content-type'];
    if (type === '') {
      raw.headers['content-type'] = undefined;
    } else if (type !== undefined && !MEDIA_TYPE.test(type)) {
      // Fastify would refuse it before a route could say that the type does not matter.
      raw.headers['content-type'] = UNKNOWN_TYPE;
    }
    done();
    return;
  }
  // Where such a request ends, a proxy may see otherwise.
  void reply.header('connection', 'close');
  sendError(reply, error);
}

function faultOfHead(request: IncomingMessage): HttpError | undefined {
  // A line that ends after its path is HTTP/0.9 to Node's parser; to everyone else it is no request.
  if (request.httpVersionMajor === 0) {
    return new HttpError('GT_BAD_REQUEST', 'send it as HTTP/1.1');
  }
  // RFC 9112, 3.2.
  const hosts = countHosts(request.rawHeaders);
  if (hosts > 1 || (hosts === 0 && request.httpVersionMinor > 0)) {
    return new HttpError('GT_HOST');
  }
  // RFC 9112, 6.1.
  const coding = request.headers['transfer-encoding'];
  return coding === undefined || coding.toLowerCase() === 'chunked'
    ? undefined
    : new HttpError('GT_TRANSFER_ENCODING');
}

/** Node keeps the first of several in its `headers`. */
function countHosts(rawHeaders: readonly string[]): number {
  let hosts = 0;
  for (let n = 0; n < rawHeaders.length; n += 2) {
    const name = rawHeaders[n]!;
    if (name.length === 4 && (name === 'Host' || name.toLowerCase() === 'host')) {
      hosts += 1;
    }
  }
  return hosts;
}
