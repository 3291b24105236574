import type { DynamicModule } from '@nestjs/common';
import { ConfigModule, registerAs } from '@nestjs/config';
import { nameFaults } from './check-names.js';
import { ConfigurationError, type Fault } from './configuration-error.js';
import type { EffectiveSetting } from './fill-options.js';
import { type OptionsRead, readOptions } from './read-options.js';
import { type ConfigurationPlace, readVariables } from './read-variables.js';
import type { OptionsClass } from './setting.js';

/** Hands out the options object of a class that was loaded. */
export type GetOptions = <T extends object>(optionsClass: OptionsClass<T>) => T;

/** A rule over several options classes. Asked when each of them is sound by itself. */
export type CrossCheck = (get: GetOptions) => readonly Fault[] | Promise<readonly Fault[]>;

/** The configuration as it was when the process started: validated, and never read again. */
export interface Configuration {
  readonly get: GetOptions;
  /** Offers each options object to `@InjectOptions`; every application of the process imports this one. */
  readonly module: DynamicModule;
  /** For the operator's log. */
  readonly warnings: readonly string[];
  /** The env files that were read, relative to the working directory; the first wins. */
  readonly files: readonly string[];
  readonly nodeEnv: string | undefined;
  readonly settings: readonly EffectiveSetting[];
}

export interface LoadConfigurationFrom extends ConfigurationPlace {
  readonly crossChecks?: readonly CrossCheck[];
  /** Asked in their order: it may get the options of classes before this one. */
  readonly isUsed?: (optionsClass: OptionsClass, get: GetOptions) => boolean;
}

/**
 * Reads the variables and fills the options classes with them.
 * @throws ConfigurationError with every fault
 */
export async function loadConfiguration(
  optionsClasses: readonly OptionsClass[],
  {
    environment = process.env,
    directory = process.cwd(),
    crossChecks = [],
    isUsed = () => true,
  }: LoadConfigurationFrom = {},
): Promise<Configuration> {
  const { variables, files, nodeEnv, warnings } = readVariables(environment, directory);
  const loaded = new Map<OptionsClass, OptionsRead<object>>();
  const get = getterOf(loaded);
  for (const each of optionsClasses) {
    loaded.set(each, readOptions(each, variables, directory, isUsed(each, get)));
  }
  const reads = [...loaded.values()];
  const ownFaults = reads.flatMap(({ faults }) => faults);
  const faults = [
    ...ownFaults,
    ...(ownFaults.length === 0 ? await faultsOf(crossChecks, get) : []),
    ...nameFaults(optionsClasses, variables),
  ];
  if (faults.length > 0) {
    throw new ConfigurationError(faults);
  }
  return {
    get,
    module: await configModule(optionsClasses, get),
    warnings: [...warnings, ...reads.flatMap(({ options }) => options.warnings?.() ?? [])],
    files,
    nodeEnv,
    settings: reads.flatMap(({ settings }) => settings),
  };
}

async function faultsOf(checks: readonly CrossCheck[], get: GetOptions): Promise<Fault[]> {
  const faults: Fault[] = [];
  for (const check of checks) {
    faults.push(...(await check(get)));
  }
  return faults;
}

function getterOf(loaded: ReadonlyMap<OptionsClass, OptionsRead<object>>): GetOptions {
  return <T extends object>(optionsClass: OptionsClass<T>): T => {
    const options = loaded.get(optionsClass)?.options;
    if (!(options instanceof optionsClass)) {
      throw new Error(`the options '${optionsClass.key}' are not among those that were loaded`);
    }
    return options;
  };
}

function configModule(
  optionsClasses: readonly OptionsClass[],
  get: GetOptions,
): Promise<DynamicModule> {
  return ConfigModule.forRoot({
    isGlobal: true,
    // The variables are read above, where an empty one counts as unset.
    ignoreEnvFile: true,
    ignoreEnvVars: true,
    skipProcessEnv: true,
    load: optionsClasses.map((optionsClass) =>
      registerAs(optionsClass.key, () => get(optionsClass)),
    ),
  });
}
