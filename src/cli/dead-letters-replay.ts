import type { Options } from './command.js';
import { print } from './print.js';
import { configurationWith, requestToCollector } from './request-to-collector.js';
import { watchReplay } from './watch-replay.js';

export async function run(options: Options, name: string): Promise<number> {
  const configuration = await configurationWith(name);
  const { outcome, message } = await requestToCollector(configuration, name, 'replay');
  print(message);
  if (options.has('wait') && outcome !== 'none') {
    print(await watchReplay(configuration, name));
  }
  return 0;
}
