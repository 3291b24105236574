import type { Role } from '../config/role.options.js';
import type { QueueDriverName } from './queueing.options.js';

/** The lane from the local disk to the topic; as a sink is, in the metrics and in the local queue. */
export const FORWARD_LANE = 'queue';

export interface QueuePlan {
  readonly driver: QueueDriverName;
  readonly role: Role;
  /** The names in `OUTPUTS`. */
  readonly outputs: readonly string[];
}

export function forwards({ driver, role }: Pick<QueuePlan, 'driver' | 'role'>): boolean {
  return driver === 'kafka' && role !== 'deliver';
}

/** The sinks that this process opens. */
export function deliveredSinks({ role, outputs }: QueuePlan): readonly string[] {
  return role === 'ingest' ? [] : outputs;
}

/** The names of all lanes of this process. */
export function lanesOf(plan: QueuePlan): readonly string[] {
  return [...(forwards(plan) ? [FORWARD_LANE] : []), ...deliveredSinks(plan)];
}
