import type { Route } from '../http/routes.js';

/** Every path of the collector. */
export const ROUTES: readonly Route[] = [
  { path: '/px.gif', methods: ['GET', 'HEAD', 'OPTIONS'], status: 200 },
  { path: '/collect', methods: ['POST', 'OPTIONS'], status: 202 },
  { path: '/healthz', methods: ['GET', 'HEAD', 'OPTIONS'], status: 200 },
  { path: '/readyz', methods: ['GET', 'HEAD', 'OPTIONS'], status: 200 },
];
