import type { Route } from '../http/routes.js';

/** Every path of the metrics application. */
export const ROUTES: readonly Route[] = ['/', '/metrics', '/healthz', '/readyz'].map((path) => ({
  path,
  methods: ['GET', 'HEAD'],
  status: 200,
}));
