import { describeConfiguration } from '../config/describe-configuration.js';
import { complain, print } from './print.js';
import { loadProgramConfiguration } from './program-configuration.js';

export async function run(): Promise<number> {
  const configuration = await loadProgramConfiguration();
  print(describeConfiguration(configuration));
  for (const warning of configuration.warnings) {
    complain(`warning: ${warning}`);
  }
  return 0;
}
