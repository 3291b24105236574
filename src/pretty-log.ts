import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

const STYLES: Readonly<Record<string, Style>> = {
  trace: 'gray',
  debug: 'gray',
  info: 'green',
  warn: 'yellow',
  error: 'red',
  fatal: 'red',
};

// What a client or a sink has said may be in a line: it must not move the cursor of the operator's terminal.
// oxlint-disable-next-line no-control-regex
const CONTROLS = /[\0-\x09\x0B-\x1F\x7F-\x9F\u2028\u2029]/g;

/** A line of the log, written as JSON, as a person reads it. Further lines of a message are indented. */
export function prettyLine(json: string, { colors }: { colors: boolean }): string {
  const { level, time, context, msg, err, pid: _, hostname: __, ...rest } = parse(json);
  const paint = (style: Style | undefined, text: string): string =>
    colors && style !== undefined ? styleText(style, text, { validateStream: false }) : text;
  const details = Object.entries(rest).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  const text = [
    paint('gray', plain(time)),
    paint(STYLES[String(level)], String(level).toUpperCase().padEnd(5)),
    ...(context === undefined ? [] : [paint('cyan', `[${plain(context)}]`)]),
    ...(msg === undefined ? [] : [plain(msg)]),
    ...details.map((detail) => plain(detail)),
  ].join(' ');
  const { stack } = (err ?? {}) as { stack?: string };
  return `${stack === undefined ? text : `${text}\n    ${plain(stack)}`}\n`;
}

function parse(json: string): Record<string, unknown> {
  try {
    return JSON.parse(json) as Record<string, unknown>;
  } catch {
    return { msg: json };
  }
}

function plain(value: unknown): string {
  return String(value)
    .replace(CONTROLS, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .replaceAll('\n', '\n    ');
}
