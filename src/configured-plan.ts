import type { GetOptions } from './config/load-configuration.js';
import { RoleOptions } from './config/role.options.js';
import type { QueuePlan } from './queueing/queue-plan.js';
import { QueueingOptions } from './queueing/queueing.options.js';
import { SinksOptions } from './sinks/sinks.options.js';

export function configuredPlan(get: GetOptions): QueuePlan {
  return {
    driver: get(QueueingOptions).driver,
    role: get(RoleOptions).role,
    outputs: get(SinksOptions).outputs,
  };
}
