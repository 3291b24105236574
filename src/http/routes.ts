/** A path of the collector, what it answers to, and the status of its success. */
export interface Route {
  readonly path: string;
  readonly methods: readonly string[];
  readonly status: number;
}

export const ROUTES = [
  { path: '/px.gif', methods: ['GET', 'HEAD'], status: 200 },
  { path: '/collect', methods: ['POST'], status: 202 },
  { path: '/healthz', methods: ['GET', 'HEAD'], status: 200 },
  { path: '/readyz', methods: ['GET', 'HEAD'], status: 200 },
] as const satisfies readonly Route[];

/** What each path answers when all is well; a preflight (OPTIONS) is answered on all of them. */
export const SUCCESSES = ROUTES.flatMap(({ path, methods, status }: Route) =>
  [...methods, 'OPTIONS'].map((method) => ({
    endpoint: path,
    method,
    status: method === 'OPTIONS' ? 204 : status,
  })),
);

const allowed = new Map<string, string>(
  ROUTES.map(({ path, methods }) => [path, [...methods, 'OPTIONS'].join(', ')]),
);

/** The Allow header (RFC 9110, 10.2.1) of a request target; `undefined` when its path is none of ours. */
export function allowHeader(target: string): string | undefined {
  const query = target.indexOf('?');
  return allowed.get(query === -1 ? target : target.slice(0, query));
}
