import { validateSync } from 'class-validator';
import { ConfigurationError, type Fault } from './configuration-error.js';
import { rememberFile } from './current-value.js';
import { formatValue } from './format-value.js';
import { readSecretFile } from './secret-file.js';
import {
  type OptionsClass,
  type SettingDeclaration,
  settingsOf,
  UnreadableValue,
} from './setting.js';
import { fileVariable, type GivenText, type Variables } from './variables.js';

/** What an options class may add for rules over several of its variables. Asked when each of them is sound. */
export interface OptionsRules {
  faults?(): readonly Fault[];
  /** For the operator's log: what starts, and is probably not what they want. */
  warnings?(): readonly string[];
}

/** A setting as `check-config` shows it. Holds no secret. */
export interface EffectiveSetting {
  /** Key of the options class. */
  readonly module: string;
  readonly name: string;
  /** As the variable would hold it, a secret masked; `undefined` when unset. */
  readonly shown: string | undefined;
  readonly source: string;
}

export interface OptionsRead<T extends object> {
  /** Frozen. Where a value has a fault, the default stands. */
  readonly options: T & OptionsRules;
  readonly settings: readonly EffectiveSetting[];
  readonly faults: readonly Fault[];
}

const MASK = '********';

/** Fills an options class from the variables, and checks each value by itself and all of them together. */
export function readOptions<T extends object>(
  optionsClass: OptionsClass<T>,
  variables: Variables,
  directory: string,
): OptionsRead<T> {
  const options: T & OptionsRules = new optionsClass();
  const settings: EffectiveSetting[] = [];
  const faults: Fault[] = [];
  for (const declaration of settingsOf(optionsClass)) {
    const { name, property } = declaration;
    try {
      const given = findText(declaration, variables, directory);
      const { reread } = given ?? {};
      if (reread) {
        rememberFile(options, property, fileVariable(name), () => declaration.read(reread()));
      }
      if (given !== undefined) {
        Object.assign(options, { [property]: readText(declaration, given.text) });
      }
      const value: unknown = Reflect.get(options, property);
      settings.push({
        module: optionsClass.key,
        name,
        shown: show(declaration, value, given?.text),
        source: given?.source ?? 'default',
      });
    } catch (error) {
      if (!(error instanceof ConfigurationError)) {
        throw error;
      }
      faults.push(...error.faults);
    }
  }
  faults.push(...brokenBounds(optionsClass, options));
  if (faults.length === 0) {
    faults.push(...(options.faults?.() ?? []));
  }
  Object.freeze(options);
  return { options, settings, faults };
}

interface FoundText extends GivenText {
  /** Of a secret in a file: what it holds by then. */
  readonly reread?: () => string;
}

function findText(
  { name, secret }: SettingDeclaration,
  variables: Variables,
  directory: string,
): FoundText | undefined {
  const given = variables.get(name);
  const file = secret ? variables.get(fileVariable(name)) : undefined;
  if (file === undefined) {
    return given;
  }
  if (given !== undefined) {
    throw fault(name, `is set, and so is ${fileVariable(name)}; unset one of them`);
  }
  const reread = (): string => readSecretFile(directory, file.text);
  return {
    reread,
    text: readOrFault(fileVariable(name), reread),
    source: `${file.source} (${fileVariable(name)})`,
  };
}

function readText({ name, read }: SettingDeclaration, text: string): unknown {
  return readOrFault(name, () => read(text));
}

function readOrFault<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    // Another error of a reader, such as that of `new URL`, may carry the value: it stays here.
    throw fault(name, error instanceof UnreadableValue ? error.message : 'cannot be read');
  }
}

function fault(name: string, reason: string): ConfigurationError {
  return new ConfigurationError([{ name, reason }]);
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

function show(
  { secret }: SettingDeclaration,
  value: unknown,
  text: string | undefined,
): string | undefined {
  if (value === undefined) {
    return undefined;
  }
  return secret ? MASK : (formatValue(value) ?? text);
}
