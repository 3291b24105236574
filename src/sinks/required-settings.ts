import type { Fault } from '../config/configuration-error.js';
import type { CrossCheck } from '../config/load-configuration.js';
import { RoleOptions } from '../config/role.options.js';
import { settingsOf } from '../config/setting.js';
import { SINK_CATALOGUE } from './sink.catalogue.js';
import { SinksOptions } from './sinks.options.js';

/** A sink that `OUTPUTS` names may need what has no sensible default, such as an address. */
export const requiredSettings: CrossCheck = (get) => {
  // That role knows the sinks by name only.
  const outputs = get(RoleOptions).role === 'ingest' ? [] : get(SinksOptions).outputs;
  return SINK_CATALOGUE.filter(({ name }) => outputs.includes(name)).flatMap(
    ({ name: sink, optionsClasses, required }): Fault[] =>
      optionsClasses.flatMap((optionsClass) =>
        settingsOf(optionsClass)
          .filter(({ name }) => required.includes(name))
          .filter(({ property }) => Reflect.get(get(optionsClass), property) === undefined)
          .map(({ name }) => ({ name, reason: `must be set, because OUTPUTS names ${sink}` })),
      ),
  );
};
