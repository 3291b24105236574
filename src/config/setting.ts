/** Turns a variable's text into its value, or throws an `InvalidValueError` with the reason. */
export type Parser<T> = (text: string) => T;

/** Why a value cannot be used. The message never repeats the value: it may be a secret. */
export class InvalidValueError extends Error {
  override readonly name = 'InvalidValueError';
}

export interface SettingAbout<T = unknown> {
  /** One or two sentences for the operator, as they stand in `config/example.env`. */
  readonly doc: string;
  /** Unit of the value as the variable holds it: `bytes`, `ms`, `MiB`, … */
  readonly unit?: string;
  /** A secret is masked wherever configuration is shown, and `NAME_FILE` may name a file that holds it. */
  readonly secret?: boolean;
  /** What may be shown of a secret's value: without it, the mask stands for all. */
  readonly masked?: (value: T, mask: string) => string;
}

export interface SettingDeclaration extends SettingAbout {
  /** The environment variable. */
  readonly name: string;
  /** The property of the options class that it fills; its initializer is the default. */
  readonly property: string;
  readonly parse: Parser<unknown>;
}

/** A class of options: its key under `@nestjs/config`, and the settings that `@Setting` declared. */
export interface OptionsClass<T extends object = object> {
  new (): T;
  readonly prototype: T;
  readonly key: string;
}

const declarations = new WeakMap<object, SettingDeclaration[]>();

/**
 * Declares that the environment variable `name` fills the decorated property. The property's
 * initializer is the default (`undefined`: unset), class-validator's decorators beside it bound the value.
 */
export function Setting<T>(
  name: string,
  parse: Parser<T>,
  about: SettingAbout<T>,
): PropertyDecorator {
  return (prototype, property) => {
    const declared = declarations.get(prototype) ?? [];
    declarations.set(prototype, [
      ...declared,
      { ...(about as SettingAbout), name, property: String(property), parse },
    ]);
  };
}

/** The settings of an options class, in the order of their declaration. */
export function settingsOf(optionsClass: OptionsClass): readonly SettingDeclaration[] {
  return declarations.get(optionsClass.prototype) ?? [];
}
