import type { IncomingMessage } from 'node:http';
import { withoutHash } from '../event/page.js';
import { withoutQuery } from '../http/routes.js';
import { SIGNATURE_HEADER } from './admission/sender.js';
import { CLIENT, clientName } from './assets/client-names.js';
import type { PathsOptions } from './paths.options.js';
import { COLLECT, isClientRoute, isOwnPath, PIXEL } from './routes.js';
import { segmentRoute } from './segment/paths.js';

/** Gives the target under which a request is routed and counted. */
export type RewriteTarget = (
  request: Pick<IncomingMessage, 'method' | 'url' | 'headers'>,
) => string;

/** What a default name of the client becomes where `CLIENT_PATH` gives it another: no route ends so. */
const WITHHELD = '/';

/**
 * Leads further paths, and those of the Segment HTTP API, to the routes that they stand for. With signatures on, a POST that carries the header of one is
 * collected on any path that no route has: the Go service's client posts to the path of its page.
 */
export function rewriteTarget(
  { collectPaths, pixelPaths, clientPath }: Omit<PathsOptions, 'faults'>,
  { signatures }: { readonly signatures: boolean },
): RewriteTarget {
  const collects = new Set(collectPaths);
  const pixels = new Set(pixelPaths);
  const isWithheld = (path: string): boolean => clientPath !== CLIENT && isClientRoute(path);
  const routeOf = (path: string, { method, headers }: Parameters<RewriteTarget>[0]): string => {
    if (pixels.has(path) && (method === 'GET' || method === 'HEAD' || !collects.has(path))) {
      return PIXEL;
    }
    const clientFile = clientName(path, clientPath);
    if (clientFile) {
      return clientFile.route;
    }
    const isSigned = signatures && method === 'POST' && headers[SIGNATURE_HEADER] !== undefined;
    if (collects.has(path) || (isSigned && (!isOwnPath(path) || isWithheld(path)))) {
      return COLLECT;
    }
    return isWithheld(path) ? path + WITHHELD : (segmentRoute(path) ?? path);
  };
  return (request) => {
    const target = withoutHost(request.url ?? '/');
    const path = pathOf(target);
    const route = routeOf(path, request);
    return route === path ? (request.url ?? '/') : route + target.slice(path.length);
  };
}

/** The path of a request target. */
export function pathOf(target: string): string {
  return withoutHash(withoutQuery(withoutHost(target)));
}

/** The absolute form of a target (RFC 9112, 3.2.2) names the host, too. */
function withoutHost(target: string): string {
  return target.startsWith('/') ? target : target.replace(/^https?:\/\/[^/?#]*/i, '') || '/';
}
