import type { GetOptions } from './load-configuration.js';
import type { OptionsClass } from './setting.js';

/** Finds the options of a class among those that a provider was given. */
export function getterOf(given: readonly object[]): GetOptions {
  return <T extends object>(optionsClass: OptionsClass<T>): T => {
    const found = given.find((each): each is T => each instanceof optionsClass);
    if (!found) {
      throw new Error(`the options '${optionsClass.key}' are not among those that were given`);
    }
    return found;
  };
}
