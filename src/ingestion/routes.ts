import { unescaped } from '../event/query.js';
import type { Route } from '../http/routes.js';
import { CLIENT_ROUTES } from './assets/client-names.js';
import { CALL_ROUTES, SETTINGS, SOURCE_CONFIG, segmentRoute } from './segment/paths.js';

export const COLLECT = '/collect';
export const VALIDATE = '/collect/validate';
export const PIXEL = '/px.gif';
export const HMAC_SCRIPT = '/hmac.js';
export const HMAC_KEY = '/hmac/public-key';
export const OPENAPI = '/openapi.json';
export const EVENT_SCHEMA = '/event.schema.json';

/** Every path of the collector. */
export const ROUTES: readonly Route[] = [
  { path: PIXEL, methods: ['GET', 'HEAD', 'OPTIONS'], status: 200 },
  { path: COLLECT, methods: ['POST', 'OPTIONS'], status: 202 },
  { path: VALIDATE, methods: ['POST', 'OPTIONS'], status: 200 },
  ...CLIENT_ROUTES.map((path) => ({ path, methods: ['GET', 'HEAD', 'OPTIONS'], status: 200 })),
  ...CALL_ROUTES.map((path) => ({ path, methods: ['POST', 'OPTIONS'], status: 200 })),
  { path: SETTINGS, methods: ['GET', 'HEAD', 'OPTIONS'], status: 200 },
  { path: SOURCE_CONFIG, methods: ['GET', 'HEAD', 'OPTIONS'], status: 200 },
  { path: HMAC_SCRIPT, methods: ['GET', 'HEAD', 'OPTIONS'], status: 200 },
  { path: HMAC_KEY, methods: ['GET', 'HEAD', 'OPTIONS'], status: 200 },
  { path: OPENAPI, methods: ['GET', 'HEAD', 'OPTIONS'], status: 200 },
  { path: EVENT_SCHEMA, methods: ['GET', 'HEAD', 'OPTIONS'], status: 200 },
  { path: '/healthz', methods: ['GET', 'HEAD', 'OPTIONS'], status: 200 },
  { path: '/readyz', methods: ['GET', 'HEAD', 'OPTIONS'], status: 200 },
];

/** Those that a configuration serves. */
export function servedRoutes({ validate }: { readonly validate: boolean }): readonly Route[] {
  return validate ? ROUTES : ROUTES.filter(({ path }) => path !== VALIDATE);
}

const PATHS: ReadonlySet<string> = new Set(ROUTES.map(({ path }) => path));
const CLIENT_PATHS: ReadonlySet<string> = new Set(CLIENT_ROUTES);

/** Whether a route answers to the path of a request target, which may be percent-encoded, as the router sees it. */
export function isOwnPath(path: string): boolean {
  return isPlainPath(path) || (path.includes('%') && isPlainPath(unescaped(path)));
}

/** Whether that route is one of the client's files. */
export function isClientRoute(path: string): boolean {
  return CLIENT_PATHS.has(unescaped(path));
}

function isPlainPath(path: string): boolean {
  return PATHS.has(path) || segmentRoute(path) !== undefined;
}
