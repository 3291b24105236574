import { campaignField, plainName } from './campaign.js';
import { type Fields, isFields, setField } from './fields.js';

/** Strips the query parameters that the operator does not want to store. */
export abstract class Sanitizer {
  /** Whether a query parameter of this name is to be left out. */
  abstract strips(name: string): boolean;
  /** The text without these parameters. */
  abstract text(text: string): string;
  /**
   * A copy without these parameters, wherever it holds them: in texts that are an address or a query, in
   * `route.query`, and in the campaign fields made from them. Not for values deeper than `MAX_DEPTH`.
   */
  abstract event(event: Readonly<Fields>): Fields;
}

type Strip = (text: string) => string;

/**
 * @param parameterNames in any case
 * @returns undefined when there is nothing to strip
 */
export function createSanitizer(parameterNames: readonly string[]): Sanitizer | undefined {
  if (parameterNames.length === 0) {
    return undefined;
  }
  const names = new Set(parameterNames.map((name) => name.toLowerCase()));
  const campaign = [...names].flatMap((name) => campaignField(name) ?? []);
  const strips = (name: string): boolean =>
    names.has(name.toLowerCase()) || names.has(plainName(name));
  const parameter = parameterPattern([...names]);
  const strip: Strip = (text) => withoutParameters(text, parameter);

  return {
    strips,
    text: strip,
    event(event) {
      const copy = sanitizedCopy(event, strip) as Fields;
      const { url, route } = copy;
      if (isFields(url)) {
        sanitizeRawQuery(url, event['url'] as Fields, strip);
        for (const { group, name } of campaign) {
          const fields = url[group];
          if (isFields(fields)) {
            delete fields[name];
          }
        }
      }
      if (isFields(route) && isFields(route['query'])) {
        for (const name of Object.keys(route['query'])) {
          if (strips(name)) {
            delete route['query'][name];
          }
        }
      }
      return copy;
    },
  };
}

/** Unlike any other text, `raw_query` starts with a parameter. */
function sanitizeRawQuery(url: Fields, original: Fields, strip: Strip): void {
  const rawQuery = original['raw_query'];
  if (typeof rawQuery !== 'string') {
    return;
  }
  const sanitized = strip(`?${rawQuery}`).replace(/^\?/, '');
  if (sanitized === rawQuery) {
    return;
  }
  if (sanitized === '') {
    delete url['raw_query'];
    delete url['query_size'];
  } else {
    url['raw_query'] = sanitized;
    url['query_size'] = Buffer.byteLength(sanitized);
  }
}

function sanitizedCopy(value: unknown, strip: Strip): unknown {
  if (typeof value === 'string') {
    return strip(value);
  }
  if (Array.isArray(value)) {
    return value.map((element) => sanitizedCopy(element, strip));
  }
  if (isFields(value)) {
    const copy: Fields = {};
    for (const name in value) {
      setField(copy, strip(name), sanitizedCopy(value[name], strip));
    }
    return copy;
  }
  return value;
}

/** What parameters begin and end at. Percent-encoded, once or more, in an address inside an address. */
const SEPARATOR = '[?&;#]|%(?:25)*(?:3f|26|3b|23)';

/** The separator by the end of its percent-encoding. */
const SIGNS: Readonly<Record<string, string>> = { '3f': '?', '26': '&', '3b': ';', '23': '#' };

interface Separator {
  readonly text: string;
  readonly sign: string;
  /** How often it is percent-encoded. */
  readonly depth: number;
}

/** They follow the name of a list. */
const BRACKETS = '(?:(?:\\[|%(?:25)*5b)(?:\\]|%(?:25)*5d))?';

/** A separator, one of the names, whose characters may be percent-encoded, and what stands before a value. */
function parameterPattern(names: readonly string[]): RegExp {
  const patterns = names.map(textPattern);
  return new RegExp(`(${SEPARATOR})(?:${patterns.join('|')})${BRACKETS}(?:=|%(?:25)*3d)`, 'giu');
}

/** The source of a pattern (flags `iu`) that finds `text` however its characters are percent-encoded. */
export function textPattern(text: string): string {
  return Array.from(text, characterPattern).join('');
}

function characterPattern(character: string): string {
  const literal = `\\u{${(character.codePointAt(0) as number).toString(16)}}`;
  const encoded = [character, character.toUpperCase()].map((variant) =>
    Array.from(Buffer.from(variant), encodedBytePattern).join(''),
  );
  return `(?:${literal}|${encoded.join('|')})`;
}

function encodedBytePattern(byte: number): string {
  return `%(?:25)*${byte.toString(16).padStart(2, '0')}`;
}

/**
 * `text` without what `parameter` finds and the values after it. A `?` or `#` goes to the next
 * parameter of its query, or with the last; all else stays byte for byte.
 */
function withoutParameters(text: string, parameter: RegExp): string {
  let kept = '';
  let from = 0;
  /** The one that opened a query whose parameters were all stripped so far. */
  let opener: Separator | undefined;
  for (;;) {
    parameter.lastIndex = from;
    const found = parameter.exec(text);
    if (opener !== undefined && found?.index !== from) {
      const next = separatorAt(text, from);
      if (next !== undefined && continuesQuery(next) && next.depth === opener.depth) {
        kept += opener.text;
        from += next.text.length;
      }
      opener = undefined;
    }
    if (!found) {
      return from === 0 ? text : kept + text.slice(from);
    }
    kept += text.slice(from, found.index);
    const separator = separatorOf(found[1] as string);
    if (!continuesQuery(separator)) {
      opener = separator;
    }
    from = valueEnd(text, parameter.lastIndex, separator);
  }
}

function continuesQuery(separator: Separator): boolean {
  return separator.sign === '&' || separator.sign === ';';
}

const SEPARATOR_HERE = new RegExp(SEPARATOR, 'iy');
const VALUE_END = new RegExp(`${SEPARATOR}|[\r\n]`, 'gi');

function separatorAt(text: string, index: number): Separator | undefined {
  SEPARATOR_HERE.lastIndex = index;
  const found = SEPARATOR_HERE.exec(text);
  return found ? separatorOf(found[0]) : undefined;
}

function separatorOf(text: string): Separator {
  return {
    text,
    sign: SIGNS[text.slice(-2).toLowerCase()] ?? text,
    depth: (text.length - 1) / 2,
  };
}

/**
 * Where the value after `separator` ends: at a separator that is not encoded deeper, or with the line.
 * Not at a space: it may be a decoded one, and what stands after it a part of the value.
 */
function valueEnd(text: string, from: number, separator: Separator): number {
  const ends = separator.sign === ';' ? ';?&#\r\n' : '&#\r\n';
  VALUE_END.lastIndex = from;
  for (let found = VALUE_END.exec(text); found; found = VALUE_END.exec(text)) {
    const { sign, depth } = separatorOf(found[0]);
    if (depth <= separator.depth && ends.includes(sign)) {
      return found.index;
    }
  }
  return text.length;
}
