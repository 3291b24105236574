import type { Fault } from './configuration-error.js';
import { nearMiss } from './near-miss.js';
import { type OptionsClass, settingsOf } from './setting.js';
import { QUOTED, isQuoted } from './quoted.js';
import { UNSUPPORTED, unsupportedFaults } from './unsupported.js';
import { namesOf, type Variables } from './variables.js';

/** Read without a declaration: it names the env file. */
const NODE_ENV = 'NODE_ENV';

/** Every variable that means something to GoTrack, now or later. */
export function knownNames(optionsClasses: readonly OptionsClass[]): ReadonlySet<string> {
  return new Set([NODE_ENV, ...declaredNames(optionsClasses), ...UNSUPPORTED.flatMap(namesOf)]);
}

/** Quotes around what names the env file, names that are ours and that nothing reads yet, and names that were probably meant to be ours. */
export function nameFaults(
  optionsClasses: readonly OptionsClass[],
  variables: Variables,
): readonly Fault[] {
  const known = knownNames(optionsClasses);
  const nearMisses = [...variables.keys()].toSorted().flatMap((name) => {
    const meant = nearMiss(name, known);
    return meant === undefined ? [] : [{ name, reason: `unknown; did you mean ${meant}?` }];
  });
  const quoted = isQuoted(variables.get(NODE_ENV)?.text)
    ? [{ name: NODE_ENV, reason: QUOTED }]
    : [];
  return [...quoted, ...unsupportedFaults(variables, declaredNames(optionsClasses)), ...nearMisses];
}

function declaredNames(optionsClasses: readonly OptionsClass[]): ReadonlySet<string> {
  return new Set(optionsClasses.flatMap(settingsOf).flatMap(namesOf));
}
