import { resolve } from 'node:path';
import { ConfigurationError, type Fault } from './configuration-error.js';
import { rememberFile } from './current-value.js';
import { formatValue } from './format-value.js';
import { isQuoted, QUOTED } from './quoted.js';
import { readSecretFile, rereadSecretFile } from './secret-file.js';
import {
  InvalidValueError,
  type OptionsClass,
  type SettingDeclaration,
  settingsOf,
} from './setting.js';
import { fileVariable, type GivenText, type Variables } from './variables.js';

/** A setting as `check-config` shows it. Holds no secret. */
export interface EffectiveSetting {
  /** Key of the options class. */
  readonly module: string;
  readonly name: string;
  /** As the variable would hold it, a secret masked; `undefined` when unset. */
  readonly shown: string | undefined;
  readonly source: string;
}

export interface FilledOptions<T extends object> {
  /** Where a value has a fault, the default stands. */
  readonly options: T;
  readonly settings: readonly EffectiveSetting[];
  readonly faults: readonly Fault[];
  /** About files that are to hold a secret, and cannot be read. */
  readonly secretFaults: readonly Fault[];
}

/** A file that is to hold a secret cannot be read. */
class SecretFileError extends ConfigurationError {}

const MASK = '********';

/** Fills an options class from the variables. Each value can be parsed; its bounds are not checked here. */
export function fillOptions<T extends object>(
  optionsClass: OptionsClass<T>,
  variables: Variables,
  directory: string,
): FilledOptions<T> {
  const options = new optionsClass();
  const settings: EffectiveSetting[] = [];
  const faults: Fault[] = [];
  const secretFaults: Fault[] = [];
  for (const declaration of settingsOf(optionsClass)) {
    try {
      const given = findText(declaration, variables, directory);
      if (given !== undefined) {
        assign(options, declaration, given);
      }
      settings.push({
        module: optionsClass.key,
        name: declaration.name,
        shown: show(declaration, Reflect.get(options, declaration.property), given?.text),
        source: given?.source ?? 'default',
      });
    } catch (error) {
      if (!(error instanceof ConfigurationError)) {
        throw error;
      }
      (error instanceof SecretFileError ? secretFaults : faults).push(...error.faults);
    }
  }
  return { options, settings, faults, secretFaults };
}

interface FoundText extends GivenText {
  /** For a secret in a file: its path, and what reads what it holds now. */
  readonly file?: { readonly path: string; readonly reread: () => Promise<string> };
}

function findText(
  { name, secret }: SettingDeclaration,
  variables: Variables,
  directory: string,
): FoundText | undefined {
  const given = unquoted(name, variables);
  const file = secret ? unquoted(fileVariable(name), variables) : undefined;
  if (file === undefined) {
    return given;
  }
  if (given !== undefined) {
    throw fault(name, `is set, and so is ${fileVariable(name)}; unset one of them`);
  }
  return {
    file: {
      path: resolve(directory, file.text),
      reread: () => rereadSecretFile(directory, file.text),
    },
    text: secretIn(directory, file.text, fileVariable(name)),
    source: `${file.source} (${fileVariable(name)})`,
  };
}

function secretIn(directory: string, path: string, variable: string): string {
  try {
    return readSecretFile(directory, path);
  } catch (error) {
    throw new SecretFileError([{ name: variable, reason: (error as InvalidValueError).message }]);
  }
}

function unquoted(name: string, variables: Variables): GivenText | undefined {
  const given = variables.get(name);
  if (isQuoted(given?.text)) {
    throw fault(name, QUOTED);
  }
  return given;
}

function assign(
  options: object,
  { name, property, parse }: SettingDeclaration,
  { text, file }: FoundText,
): void {
  if (file) {
    const { path, reread } = file;
    rememberFile(options, property, {
      variable: fileVariable(name),
      path,
      reread: async () => parse(await reread()),
    });
  }
  Object.assign(options, { [property]: valueOrFault(name, () => parse(text)) });
}

function valueOrFault<T>(name: string, getValue: () => T): T {
  try {
    return getValue();
  } catch (error) {
    // Another error of a parser, such as that of `new URL`, may carry the value: it stays here.
    throw fault(name, error instanceof InvalidValueError ? error.message : 'cannot be read');
  }
}

function fault(name: string, reason: string): ConfigurationError {
  return new ConfigurationError([{ name, reason }]);
}

function show(
  { secret, masked }: SettingDeclaration,
  value: unknown,
  text: string | undefined,
): string | undefined {
  if (value === undefined) {
    return undefined;
  }
  if (secret) {
    return masked?.(value, MASK) ?? MASK;
  }
  return formatValue(value) ?? text;
}
