/** The calls that have paths, with what else each is called. */
const CALL_PATHS: Readonly<Record<string, readonly string[]>> = {
  '/v1/track': ['/v1/t'],
  '/v1/page': ['/v1/p'],
  '/v1/screen': ['/v1/s'],
  '/v1/identify': ['/v1/i'],
  '/v1/group': ['/v1/g'],
  '/v1/alias': ['/v1/a'],
  '/v1/batch': ['/v1/b', '/v1/import', '/beacon/v1/batch'],
};

/** As the router and the metrics have it: the key of a request is in no label. */
export const SETTINGS = '/v1/projects/:key/settings';
export const SOURCE_CONFIG = '/sourceConfig';
export const CALL_ROUTES = Object.keys(CALL_PATHS);

/** Every path of a call, without those that end in a slash. */
export function pathsOfCall(route: string): readonly string[] {
  return [route, ...(CALL_PATHS[route] ?? [])];
}

const PROJECT = /^\/v1\/projects\/(?<key>[^/?#]+)\/settings\/?(?:[?#]|$)/;

/** Each path by which something here is called, but for those of projects, and the route that it leads to. */
const ROUTE_OF: ReadonlyMap<string, string> = new Map(
  [...Object.entries(CALL_PATHS), [SOURCE_CONFIG, []] as const].flatMap(([route, others]) =>
    [route, ...others].flatMap((path) => [[path, route] as const, [`${path}/`, route] as const]),
  ),
);

/** The route of a path of the Segment HTTP API; undefined for any other path. */
export function segmentRoute(path: string): string | undefined {
  return (
    ROUTE_OF.get(path) ??
    (path.startsWith('/v1/projects/') && PROJECT.test(path) ? SETTINGS : undefined)
  );
}

/** The key in the target of a request for the settings of a project. */
export function projectOf(target: string): string {
  const key = PROJECT.exec(target)?.groups?.['key'] ?? '';
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}
