import type { Work } from '../../event/work.js';

/** Characters between two pauses. */
const STEP = 32 * 1024;

/** What has to come next. */
type Expected =
  'value' | 'value or end' | 'name' | 'name or end' | 'colon' | 'comma or end' | 'nothing';

const QUOTE = 0x22;
const PLUS = 0x2b;
const COMMA = 0x2c;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const SMALL_U = 0x75;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

const LITERALS = new Map([
  [0x66, 'false'],
  [0x6e, 'null'],
  [0x74, 'true'],
]);
const ESCAPED = new Set(Array.from('"\\/bfnrt', (character) => character.codePointAt(0)));
/** A value that is looked for nowhere. */
const NO_LEVEL = -1;
const FOUR_HEX = /^[\da-f]{4}$/i;

/** A value of the text, found without making anything of it. */
export interface ScannedValue {
  readonly start: number;
  end: number;
  /** Values and names in it, and itself. */
  values: number;
}

export interface Span {
  readonly start: number;
  readonly end: number;
}

/** The text is not JSON. */
export class JsonFaultError extends Error {
  override readonly name = 'JsonFaultError';

  /** @param position the first character that does not fit; the end of the text when it ends too early */
  constructor(readonly position: number) {
    super();
  }
}

/**
 * Reads a text of any size as strictly as `JSON.parse`, in pieces, and finds the values in it: those of the outer
 * list, those of a list in the outer object, or the one value that it is. Needs a byte for each level, and nothing for
 * what is inside a value.
 */
export class JsonScanner {
  /** The first ones; `count` counts all. */
  readonly found: ScannedValue[] = [];
  count = 0;
  /** Where the list of the member is, if there is one: the last of several, as for `JSON.parse`. */
  list: Span | undefined;

  private position = 0;
  private expected: Expected = 'value';
  private inString = false;
  private open = new Uint8Array(64);
  private depth = 0;
  /** The level of the values that are looked for. */
  private level: number;
  private current: ScannedValue = valueAt(0);
  private nameAt = 0;
  private listAt = -1;
  /** The value of the member comes next. */
  private isMember = false;

  /**
   * @param maxFound more values than this are counted only
   * @param member the name of what has the list in the outer object; without it, the text has it
   */
  constructor(
    private readonly text: string,
    private readonly maxFound: number,
    private readonly member?: string,
  ) {
    this.level = member === undefined ? 0 : NO_LEVEL;
  }

  /** Whether the text is a list. */
  get isList(): boolean {
    return this.level === 1;
  }

  /** @throws JsonFaultError */
  *scan(elements: 'elements' | 'whole'): Work<void> {
    const { text } = this;
    for (let end = STEP; ; end += STEP) {
      const until = Math.min(end, text.length);
      while (this.position < until) {
        if (this.inString) {
          this.continueString(until);
        } else {
          this.readToken(elements);
        }
      }
      if (until === text.length) {
        break;
      }
      yield;
    }
    if (this.expected !== 'nothing' || this.inString) {
      throw new JsonFaultError(text.length);
    }
  }

  private readToken(elements: 'elements' | 'whole'): void {
    const code = this.text.charCodeAt(this.position);
    switch (code) {
      case 0x20:
      case 0x09:
      case 0x0a:
      case 0x0d:
        this.position += 1;
        return;
      case COMMA:
        this.require('comma or end');
        this.separate(this.open[this.depth - 1] === OPEN_OBJECT ? 'name' : 'value');
        return;
      case COLON:
        this.require('colon');
        this.separate('value');
        return;
      case QUOTE:
        this.beginString();
        return;
      case OPEN_OBJECT:
      case OPEN_LIST:
        this.beginValue();
        if (this.listAt === this.position && code === OPEN_LIST) {
          this.level = 2;
        } else if (elements === 'elements' && this.depth === 0 && code === OPEN_LIST) {
          this.level = this.member === undefined ? 1 : this.level;
        }
        this.push(code);
        this.separate(code === OPEN_OBJECT ? 'name or end' : 'value or end');
        return;
      case CLOSE_OBJECT:
      case CLOSE_LIST:
        this.close(code);
        return;
      default:
        this.beginValue();
        this.position = scalarEnd(this.text, this.position);
        this.endValue();
    }
  }

  private require(expected: Expected): void {
    if (this.expected !== expected) {
      throw new JsonFaultError(this.position);
    }
  }

  private separate(expected: Expected): void {
    this.position += 1;
    this.expected = expected;
  }

  private beginValue(): void {
    if (this.expected !== 'value' && this.expected !== 'value or end') {
      throw new JsonFaultError(this.position);
    }
    if (this.depth === this.level) {
      this.current = valueAt(this.position);
    }
    if (this.isMember) {
      this.beginMember();
    }
    this.current.values += 1;
  }

  private endValue(): void {
    if (this.depth === this.level) {
      this.current.end = this.position;
      this.count += 1;
      if (this.count <= this.maxFound) {
        this.found.push(this.current);
      }
    }
    this.expected = this.depth === 0 ? 'nothing' : 'comma or end';
  }

  private beginMember(): void {
    this.isMember = false;
    this.listAt = this.position;
    this.list = undefined;
    this.found.length = 0;
    this.count = 0;
  }

  private endList(): void {
    this.expected = this.depth === 0 ? 'nothing' : 'comma or end';
    if (this.member !== undefined) {
      this.list = { start: this.listAt, end: this.position };
      this.level = NO_LEVEL;
      this.current = valueAt(this.position);
    }
  }

  private push(bracket: number): void {
    if (this.depth === this.open.length) {
      const grown = new Uint8Array(this.depth * 2);
      grown.set(this.open);
      this.open = grown;
    }
    this.open[this.depth] = bracket;
    this.depth += 1;
  }

  private close(code: number): void {
    const opened = code - 2;
    const isEmpty = this.expected === (code === CLOSE_OBJECT ? 'name or end' : 'value or end');
    if (this.open[this.depth - 1] !== opened || !(isEmpty || this.expected === 'comma or end')) {
      throw new JsonFaultError(this.position);
    }
    this.depth -= 1;
    this.position += 1;
    if (this.depth < this.level) {
      this.endList();
    } else {
      this.endValue();
    }
  }

  private beginString(): void {
    if (this.expected === 'name' || this.expected === 'name or end') {
      this.expected = 'name';
      this.nameAt = this.position;
      this.current.values += 1;
    } else {
      this.beginValue();
      this.expected = 'value';
    }
    this.position += 1;
    this.inString = true;
  }

  private continueString(until: number): void {
    const { text } = this;
    let { position } = this;
    while (position < until) {
      const code = text.charCodeAt(position);
      if (code === QUOTE) {
        this.inString = false;
        break;
      }
      if (code < 0x20) {
        throw new JsonFaultError(position);
      }
      position = code === BACKSLASH ? escapeEnd(text, position) : position + 1;
    }
    this.position = position;
    if (!this.inString) {
      this.position += 1;
      if (this.expected === 'name') {
        this.expected = 'colon';
        this.isMember = this.depth === 1 && this.member !== undefined && this.isAtMember();
      } else {
        this.endValue();
      }
    }
  }

  /** A name may be written with escapes: each character with six at most. */
  private isAtMember(): boolean {
    const { text, nameAt, position, member = '' } = this;
    return (
      position - nameAt <= 6 * member.length + 2 &&
      JSON.parse(text.slice(nameAt, position)) === member
    );
  }
}

/** @throws JsonFaultError it is no escape */
function escapeEnd(text: string, start: number): number {
  const code = text.charCodeAt(start + 1);
  if (code === SMALL_U && FOUR_HEX.test(text.slice(start + 2, start + 6))) {
    return start + 6;
  }
  if (ESCAPED.has(code)) {
    return start + 2;
  }
  throw new JsonFaultError(Math.min(start + 1, text.length));
}

/** @throws JsonFaultError it is no number, and none of the three words */
function scalarEnd(text: string, start: number): number {
  const literal = LITERALS.get(text.charCodeAt(start));
  if (literal === undefined) {
    return numberEnd(text, start);
  }
  if (!text.startsWith(literal, start)) {
    throw new JsonFaultError(start);
  }
  return start + literal.length;
}

function numberEnd(text: string, start: number): number {
  const digitsAt = text.charCodeAt(start) === MINUS ? start + 1 : start;
  let end = text.charCodeAt(digitsAt) === ZERO ? digitsAt + 1 : digitsEnd(text, digitsAt);
  if (text.charCodeAt(end) === DOT) {
    end = digitsEnd(text, end + 1);
  }
  if ((text.charCodeAt(end) | 0x20) === 0x65) {
    const sign = text.charCodeAt(end + 1);
    end = digitsEnd(text, sign === PLUS || sign === MINUS ? end + 2 : end + 1);
  }
  return end;
}

function digitsEnd(text: string, start: number): number {
  let end = start;
  while (isDigit(text.charCodeAt(end))) {
    end += 1;
  }
  if (end === start) {
    throw new JsonFaultError(Math.min(start, text.length));
  }
  return end;
}

function isDigit(code: number): boolean {
  return code >= ZERO && code <= ZERO + 9;
}

function valueAt(start: number): ScannedValue {
  return { start, end: start, values: 0 };
}
