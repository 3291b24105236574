import { formatValue } from './format-value.js';
import { type OptionsClass, type SettingDeclaration, settingsOf } from './setting.js';
import { fileVariable } from './variables.js';

/** Columns. */
const LINE_WIDTH = 100;

const PREAMBLE = `Every variable of GoTrack with its default; none is set here. Generated from the declarations in
src/**/*.options.ts: change them there.

A variable is taken from the environment of the process, else from config/$NODE_ENV.env, else from .env.
An empty variable is unset. Booleans are 1, t, true, y, yes and 0, f, false, n, no. A value in a file
that holds a # is written in quotes.`;

/** The text of `config/example.env`: each variable's meaning, unit and default, commented out. */
export function renderExampleEnv(optionsClasses: readonly OptionsClass[]): string {
  const paragraphs = [
    comment(PREAMBLE.split('\n')),
    ...optionsClasses.flatMap((optionsClass) => {
      const defaults = new optionsClass();
      return [
        `### ${optionsClass.key} ###`,
        ...settingsOf(optionsClass).map((setting) =>
          renderSetting(setting, Reflect.get(defaults, setting.property)),
        ),
      ];
    }),
  ];
  return `${paragraphs.join('\n\n')}\n`;
}

function renderSetting({ name, doc, unit, secret }: SettingDeclaration, value: unknown): string {
  const about = [
    doc,
    ...(unit === undefined ? [] : [`Unit: ${unit}.`]),
    ...(secret ? [`A secret: ${fileVariable(name)} may name a file that holds it.`] : []),
  ].join(' ');
  return [
    comment(wrap(about)),
    `#${name}=${defaultText(name, value)}`,
    ...(secret ? [`#${fileVariable(name)}=`] : []),
  ].join('\n');
}

function defaultText(name: string, value: unknown): string {
  const text = value === undefined ? '' : formatValue(value);
  if (text === undefined) {
    throw new TypeError(`the default of ${name} cannot be written as text`);
  }
  return text;
}

function comment(lines: readonly string[]): string {
  return lines.map((line) => `# ${line}`.trimEnd()).join('\n');
}

function wrap(text: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line !== '' && `# ${line} ${word}`.length > LINE_WIDTH) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
