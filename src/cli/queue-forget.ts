import { configuredPlan } from '../configured-plan.js';
import { QUEUE_CATALOGUE } from '../queueing/queue.catalogue.js';
import type { Options } from './command.js';
import { print } from './print.js';
import { loadProgramConfiguration } from '../program-configuration.js';

export async function run(_options: Options, sink: string): Promise<number> {
  const { get } = await loadProgramConfiguration();
  const plan = configuredPlan(get);
  const events = await QUEUE_CATALOGUE[plan.driver].forget(get, plan, sink);
  print(`forgot ${sink}: ${events} undelivered event(s) are given up`);
  return 0;
}
