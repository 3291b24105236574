import { forgetSink } from '../queueing/embedded/queue-status.js';
import { QueueingOptions } from '../queueing/queueing.options.js';
import { print } from './print.js';
import { loadProgramConfiguration } from './program-configuration.js';

export async function run(sink: string): Promise<number> {
  const { path } = (await loadProgramConfiguration()).get(QueueingOptions);
  const events = await forgetSink(path, sink);
  print(`forgot ${sink}: ${events} undelivered event(s) are given up`);
  return 0;
}
