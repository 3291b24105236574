import { ConfigurationError } from './configuration-error.js';
import { fillOptions } from './fill-options.js';
import { type ConfigurationPlace, readVariables } from './read-variables.js';
import type { OptionsClass } from './setting.js';

/**
 * One options class alone, without its bounds and without faults of other variables. For a command that asks a
 * running program: it loads neither Nest nor a validator, as long as the class itself does not.
 * @throws ConfigurationError with every fault of its values
 */
export function loadOptions<T extends object>(
  optionsClass: OptionsClass<T>,
  { environment = process.env, directory = process.cwd() }: ConfigurationPlace = {},
): T {
  const { variables } = readVariables(environment, directory);
  const { options, faults } = fillOptions(optionsClass, variables, directory);
  if (faults.length > 0) {
    throw new ConfigurationError(faults);
  }
  return options;
}
