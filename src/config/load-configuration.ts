import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { DynamicModule } from '@nestjs/common';
import { ConfigModule, getDefaultParser, registerAs } from '@nestjs/config';
import { ConfigurationError, type Fault } from './configuration-error.js';
import { fileFailure } from './file-failure.js';
import { nearMiss } from './near-miss.js';
import { type EffectiveSetting, type OptionsRead, readOptions } from './read-options.js';
import { type OptionsClass, settingsOf } from './setting.js';
import { CONTRACT_NAMES, CONTRACT_SECRETS, unsupportedFaults } from './unsupported.js';
import {
  addSource,
  ENVIRONMENT,
  fileVariable,
  type GivenText,
  type Variables,
} from './variables.js';

/** Hands out the options object of a class that was loaded. */
export type GetOptions = <T extends object>(optionsClass: OptionsClass<T>) => T;

/** A rule over several options classes. Asked when each of them is sound by itself. */
export type CrossCheck = (get: GetOptions) => readonly Fault[];

/** The configuration as it was when the process started: validated, and never read again. */
export interface Configuration {
  readonly get: GetOptions;
  /** Offers each options object to `@InjectOptions`; every application of the process imports this one. */
  readonly module: DynamicModule;
  /** For the operator's log. */
  readonly warnings: readonly string[];
  readonly settings: readonly EffectiveSetting[];
}

export interface LoadConfigurationFrom {
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** The env files, and files that variables name, are relative to it. */
  readonly directory?: string;
  readonly crossChecks?: readonly CrossCheck[];
}

/**
 * Reads the environment, then `config/$NODE_ENV.env`, then `.env` (the first that sets a variable wins),
 * and fills the options classes. Writes nothing into the environment.
 * @throws ConfigurationError with every fault
 */
export async function loadConfiguration(
  optionsClasses: readonly OptionsClass[],
  {
    environment = process.env,
    directory = process.cwd(),
    crossChecks = [],
  }: LoadConfigurationFrom = {},
): Promise<Configuration> {
  const variables = new Map<string, GivenText>();
  const loaded = new Map<OptionsClass, OptionsRead<object>>();
  const get = <T extends object>(optionsClass: OptionsClass<T>): T => {
    const options = loaded.get(optionsClass)?.options;
    if (!(options instanceof optionsClass)) {
      throw new Error(`the options '${optionsClass.key}' are not among those that were loaded`);
    }
    return options;
  };

  addSource(variables, ENVIRONMENT, environment);
  const files = presentFiles(directory, environment['NODE_ENV']);
  const unread = [...files];
  const parse = getDefaultParser();
  const module = await ConfigModule.forRoot({
    isGlobal: true,
    envFilePath: files.map((file) => resolve(directory, file)),
    parser: (content) => {
      addSource(variables, unread.shift() ?? '', parse(content));
      return {};
    },
    // The environment is merged above, where an empty variable counts as unset.
    validatePredefined: false,
    skipProcessEnv: true,
    load: optionsClasses.map((optionsClass) =>
      registerAs(optionsClass.key, () => get(optionsClass)),
    ),
  }).catch((error: unknown) => {
    throw unreadableFile(unread[0] ?? '.env', error);
  });

  for (const optionsClass of optionsClasses) {
    loaded.set(optionsClass, readOptions(optionsClass, variables, directory));
  }
  const reads = [...loaded.values()];
  const ownFaults = reads.flatMap(({ faults }) => faults);
  const faults = [
    ...ownFaults,
    ...(ownFaults.length === 0 ? crossChecks.flatMap((check) => check(get)) : []),
    ...nameFaults(optionsClasses, variables),
  ];
  if (faults.length > 0) {
    throw new ConfigurationError(faults);
  }
  return {
    get,
    module,
    warnings: reads.flatMap(({ options }) => options.warnings?.() ?? []),
    settings: reads.flatMap(({ settings }) => settings),
  };
}

/** Env files that exist, the one that wins first. */
function presentFiles(directory: string, nodeEnv: string | undefined): string[] {
  return [...(nodeEnv ? [`config/${nodeEnv}.env`] : []), '.env'].filter((file) => {
    try {
      return statSync(resolve(directory, file), { throwIfNoEntry: false }) !== undefined;
    } catch (error) {
      throw unreadableFile(file, error);
    }
  });
}

function unreadableFile(file: string, error: unknown): ConfigurationError {
  return new ConfigurationError([
    { name: file, reason: `this env file cannot be read: ${fileFailure(error)}` },
  ]);
}

/** Names that are ours and that nothing reads yet, and names that were probably meant to be ours. */
function nameFaults(optionsClasses: readonly OptionsClass[], variables: Variables): Fault[] {
  const settings = optionsClasses.flatMap((optionsClass) => settingsOf(optionsClass));
  const secrets = settings.filter(({ secret }) => secret).map(({ name }) => fileVariable(name));
  const declared = new Set([...settings.map(({ name }) => name), ...secrets]);
  const ours = new Set([...CONTRACT_NAMES, ...CONTRACT_SECRETS.map(fileVariable), ...declared]);
  const slips = [...variables.keys()].toSorted().flatMap((name) => {
    const meant = nearMiss(name, ours);
    return meant === undefined ? [] : [{ name, reason: `unknown; did you mean ${meant}?` }];
  });
  return [...unsupportedFaults(variables, declared), ...slips];
}
