import { DeadLetterOptions } from '../config/dead-letter.options.js';
import type { Options } from './command.js';
import { confirm } from './confirm.js';
import { print } from './print.js';
import { configurationWith, requestToCollector } from './request-to-collector.js';

export async function run(options: Options, name: string): Promise<number> {
  const configuration = await configurationWith(name);
  const { path } = configuration.get(DeadLetterOptions);
  const isSure =
    options.has('yes') ||
    (await confirm(`Delete the dead letters of ${name} in ${path}? They cannot be brought back.`));
  if (!isSure) {
    throw new Error('nothing was deleted');
  }
  print((await requestToCollector(configuration, name, 'purge')).message);
  return 0;
}
