import { queueDriver } from '../queueing/queue.catalogue.js';
import { QueueingOptions } from '../queueing/queueing.options.js';
import { print } from './print.js';
import { loadProgramConfiguration } from './program-configuration.js';

export async function run(sink: string): Promise<number> {
  const options = (await loadProgramConfiguration()).get(QueueingOptions);
  const events = await queueDriver.forget(options, sink);
  print(`forgot ${sink}: ${events} undelivered event(s) are given up`);
  return 0;
}
