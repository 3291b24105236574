import { ConfigurationError } from '../config/configuration-error.js';
import { describeConfiguration } from '../config/describe-configuration.js';
import type { Configuration } from '../config/load-configuration.js';
import type { Options } from './command.js';
import { complain, print, printJson } from './print.js';
import { loadProgramConfiguration } from '../program-configuration.js';

export async function run(options: Options): Promise<number> {
  if (options.has('json')) {
    return checkForPrograms();
  }
  const configuration = await loadProgramConfiguration();
  const { nodeEnv, files, warnings } = configuration;
  for (const warning of warnings) {
    complain(`warning: ${warning}`);
  }
  print(describeConfiguration(configuration));
  print(`\nNODE_ENV: ${nodeEnv ?? '(unset)'}\nenv files read: ${files.join(', ') || 'none'}\nOK`);
  return 0;
}

async function checkForPrograms(): Promise<number> {
  try {
    printJson(describeForPrograms(await loadProgramConfiguration()));
    return 0;
  } catch (error) {
    if (!(error instanceof ConfigurationError)) {
      throw error;
    }
    printJson({ ok: false, faults: error.faults });
    return 1;
  }
}

function describeForPrograms({ nodeEnv, files, warnings, settings }: Configuration): object {
  return {
    ok: true,
    nodeEnv: nodeEnv ?? null,
    files,
    warnings,
    settings: settings.map(({ module, name, shown, source }) => ({
      module,
      name,
      value: shown ?? null,
      source,
    })),
  };
}
