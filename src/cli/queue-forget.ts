import { queueDriver } from '../queueing/queue.catalogue.js';
import { QueueingOptions } from '../queueing/queueing.options.js';
import { SinksOptions } from '../sinks/sinks.options.js';
import type { Options } from './command.js';
import { print } from './print.js';
import { loadProgramConfiguration } from './program-configuration.js';

export async function run(_options: Options, sink: string): Promise<number> {
  const { get } = await loadProgramConfiguration();
  if (get(SinksOptions).outputs.includes(sink)) {
    throw new Error(
      `OUTPUTS names ${sink}: what is queued for it is still to be delivered. To give it up, take ${sink} out of ` +
        'OUTPUTS first',
    );
  }
  const events = await queueDriver.forget(get(QueueingOptions), sink);
  print(`forgot ${sink}: ${events} undelivered event(s) are given up`);
  return 0;
}
