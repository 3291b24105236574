import { validateSync } from 'class-validator';
import type { Fault } from './configuration-error.js';
import { type FilledOptions, fillOptions } from './fill-options.js';
import { type OptionsClass, settingsOf } from './setting.js';
import type { Variables } from './variables.js';

/** What an options class may add for rules over several of its variables. Asked when each of them is sound. */
export interface OptionsRules {
  faults?(): readonly Fault[];
  /** For the operator's log: what starts, and is probably not what they want. */
  warnings?(): readonly string[];
}

/** The options are frozen. */
export type OptionsRead<T extends object> = FilledOptions<T & OptionsRules>;

/**
 * Fills an options class from the variables, and checks each value by itself and all of them together.
 * @param isUsed otherwise each value alone is checked: the files that they name may be another process's
 */
export function readOptions<T extends object>(
  optionsClass: OptionsClass<T>,
  variables: Variables,
  directory: string,
  isUsed = true,
): OptionsRead<T> {
  const filled: OptionsRead<T> = fillOptions(optionsClass, variables, directory);
  const faults = [
    ...filled.faults,
    ...(isUsed ? filled.secretFaults : []),
    ...brokenBounds(optionsClass, filled.options),
  ];
  if (isUsed && faults.length === 0) {
    faults.push(...(filled.options.faults?.() ?? []));
  }
  Object.freeze(filled.options);
  return { ...filled, faults };
}

function brokenBounds(optionsClass: OptionsClass, options: object): Fault[] {
  const names = new Map(settingsOf(optionsClass).map(({ name, property }) => [property, name]));
  return validateSync(options, {
    // A class without bounds is unknown to class-validator, and fine.
    forbidUnknownValues: false,
    skipUndefinedProperties: true,
  }).flatMap(({ property, constraints }) =>
    Object.values(constraints ?? {}).map((message) => ({
      name: names.get(property) ?? property,
      reason: withoutProperty(message, property),
    })),
  );
}

function withoutProperty(message: string, property: string): string {
  const ofItems = `each value in ${property} `;
  return message.startsWith(ofItems)
    ? `each item ${message.slice(ofItems.length)}`
    : message.replace(`${property} `, '');
}
