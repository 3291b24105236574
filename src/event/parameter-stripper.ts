import type { Work } from './work.js';

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
export function parameterPattern(names: readonly string[], flags: 'iu' | 'iuy'): RegExp {
  const patterns = names.map(textPattern);
  return new RegExp(`(${SEPARATOR})(?:${patterns.join('|')})${BRACKETS}(?:=|%(?:25)*3d)`, flags);
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

function continuesQuery(separator: Separator): boolean {
  return separator.sign === '&' || separator.sign === ';';
}

const SEPARATOR_SIGN = /[?&;#%]/g;
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

const SIGN = /[=%]/;

/** Nothing is stripped from a text that can't. */
export function mayHoldParameter(text: string): boolean {
  return SIGN.test(text);
}

/** Separators between two pauses. */
const STRIDE = 2048;
/** Kept parts that are joined at once. */
const MAX_PARTS = 1024;

/** Strips what a pattern finds in a text, and the values after it. */
export class ParameterStripper {
  private done = '';
  private parts: string[] = [];
  private at = 0;
  private found: RegExpExecArray | null = null;
  /** Separators that were looked at. */
  private seen = 0;

  /** @param parameter a sticky one of `parameterPattern` */
  constructor(
    private readonly text: string,
    private readonly parameter: RegExp,
  ) {}

  /**
   * A `?` or `#` goes to the next parameter of its query, or with the last; all else stays byte for byte.
   * @returns what is left
   */
  *strip(): Work<string> {
    const { text } = this;
    let from = 0;
    /** The one that opened a query whose parameters were all stripped so far. */
    let opener: Separator | undefined;
    for (;;) {
      this.at = from;
      while (!this.seekParameter()) {
        yield;
      }
      const { found } = this;
      if (opener !== undefined && found?.index !== from) {
        const next = separatorAt(text, from);
        if (next !== undefined && continuesQuery(next) && next.depth === opener.depth) {
          this.keep(opener.text);
          from += next.text.length;
        }
        opener = undefined;
      }
      if (!found) {
        this.keep(text.slice(from));
        return from === 0 ? text : this.done + this.parts.join('');
      }
      this.keep(text.slice(from, found.index));
      const separator = separatorOf(found[1] as string);
      if (!continuesQuery(separator)) {
        opener = separator;
      }
      this.at = found.index + found[0].length;
      while (!this.seekValueEnd(separator)) {
        yield;
      }
      from = this.at;
    }
  }

  /** Looks for the next one, from `at`. @returns false when it is time to pause before it looks on */
  private seekParameter(): boolean {
    this.found = null;
    for (let at = separatorSignFrom(this.text, this.at); at !== -1;) {
      this.parameter.lastIndex = at;
      this.found = this.parameter.exec(this.text);
      if (this.found) {
        return true;
      }
      this.at = at + 1;
      if (this.mustPause()) {
        return false;
      }
      at = separatorSignFrom(this.text, this.at);
    }
    return true;
  }

  /**
   * Moves `at` to where the value after `separator` ends: at a separator that is not encoded deeper, or with the line.
   * Not at a space: it may be a decoded one, and what stands after it a part of the value.
   * @returns false when it is time to pause before it looks on
   */
  private seekValueEnd(separator: Separator): boolean {
    const ends = separator.sign === ';' ? ';?&#\r\n' : '&#\r\n';
    VALUE_END.lastIndex = this.at;
    for (let found = VALUE_END.exec(this.text); found; found = VALUE_END.exec(this.text)) {
      const { sign, depth } = separatorOf(found[0]);
      if (depth <= separator.depth && ends.includes(sign)) {
        this.at = found.index;
        return !this.mustPause();
      }
      this.at = VALUE_END.lastIndex;
      if (this.mustPause()) {
        return false;
      }
    }
    this.at = this.text.length;
    return true;
  }

  /** Hundreds of thousands of parts take as much memory as objects. */
  private keep(part: string): void {
    if (part !== '') {
      this.parts.push(part);
    }
    if (this.parts.length === MAX_PARTS) {
      this.done += this.parts.join('');
      this.parts = [];
    }
  }

  private mustPause(): boolean {
    this.seen += 1;
    return this.seen % STRIDE === 0;
  }
}

/** Where a separator may be. */
function separatorSignFrom(text: string, from: number): number {
  SEPARATOR_SIGN.lastIndex = from;
  return SEPARATOR_SIGN.test(text) ? SEPARATOR_SIGN.lastIndex - 1 : -1;
}
