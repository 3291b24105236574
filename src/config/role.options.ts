import { oneOf } from './parsers.js';
import { Setting } from './setting.js';

export const ROLES = ['all', 'ingest', 'deliver'] as const;

export type Role = (typeof ROLES)[number];

/** Not in a class with bounds: `healthcheck` reads it, and has to stay light. */
export class RoleOptions {
  static readonly key = 'role';

  @Setting('ROLE', oneOf(...ROLES), {
    doc: 'What this process does: ingest takes events, deliver brings them to the sinks, all does both. Other than all needs QUEUE_DRIVER=kafka; deliver needs METRICS_ENABLED=true, and its health is on METRICS_ADDR.',
  })
  readonly role: Role = 'all';
}
