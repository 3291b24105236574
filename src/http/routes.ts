/** A path of a server, what it answers to, and the status of its success. */
export interface Route {
  readonly path: string;
  /** OPTIONS among them when preflights are answered. */
  readonly methods: readonly string[];
  readonly status: number;
}

export interface KnownRoute {
  /** Its path, as the router matches it. */
  readonly endpoint: string;
  readonly method: string;
  /** What success answers. */
  readonly status: number;
}

const PREFLIGHT_STATUS = 204;

/** What each path answers when all is well. */
export function knownRoutes(routes: readonly Route[]): readonly KnownRoute[] {
  return routes.flatMap(({ path, methods, status }) =>
    methods.map((method) => ({
      endpoint: path,
      method,
      status: method === 'OPTIONS' ? PREFLIGHT_STATUS : status,
    })),
  );
}

/** The Allow header (RFC 9110, 10.2.1) of a request target; `undefined` when its path is none of the routes. */
export function allowHeader(routes: readonly Route[], target: string): string | undefined {
  const path = withoutQuery(target);
  return routes.find((route) => route.path === path)?.methods.join(', ');
}

/** A request target without its query. */
export function withoutQuery(target: string): string {
  const queryAt = target.indexOf('?');
  return queryAt === -1 ? target : target.slice(0, queryAt);
}
