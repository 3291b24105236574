import { type Fields, setField } from '../../event/fields.js';
import { MAX_DEPTH } from '../../event/limits.js';
import { numberOf } from '../../event/number-literal.js';
import type { Work } from '../work.js';

/** Characters between two pauses: 16 KiB of empty objects take half a millisecond. */
const STEP = 16 * 1024;

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const SMALL_F = 0x66;
const SMALL_N = 0x6e;
const SMALL_T = 0x74;
const SMALL_U = 0x75;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const SPACE = 0x20;

/** One object has no more. An event may have far fewer; to list them takes milliseconds. */
const MAX_NAMES = 16 * 1024;

const NUMBER = /[-+.\deE]+/y;

type Container = unknown[] | Fields;

/**
 * Makes of a text that is known to be JSON the value that `parseJson` makes of it, in pieces, but for what no event
 * has: containers more than a level too deep are left out, and the names of an object after the first 16,384.
 */
export class JsonBuilder {
  private readonly open: Container[] = [];
  /** The members of the open objects that are being read. */
  private readonly names: (string | undefined)[] = [];
  /** How many names the open objects have. */
  private readonly counts: number[] = [];
  private leftOut = 0;
  private root: unknown;

  constructor(
    private readonly text: string,
    private position: number,
    private readonly end: number,
  ) {}

  *build(): Work<unknown> {
    let pauseAt = this.position + STEP;
    while (this.position < this.end) {
      if (this.position >= pauseAt) {
        yield;
        pauseAt = this.position + STEP;
      }
      const code = this.text.charCodeAt(this.position);
      if (code === QUOTE) {
        this.addText(yield* this.readText());
      } else if (code === OPEN_OBJECT || code === OPEN_LIST) {
        this.position += 1;
        this.openContainer(code);
      } else if (code === CLOSE_OBJECT || code === CLOSE_LIST) {
        this.position += 1;
        this.closeContainer();
      } else if (code === COMMA || code === COLON || code <= SPACE) {
        this.position += 1;
      } else {
        this.add(this.readScalar(code));
      }
    }
    return this.root;
  }

  private openContainer(code: number): void {
    if (this.leftOut > 0 || this.open.length > MAX_DEPTH) {
      this.leftOut += 1;
      return;
    }
    const container = code === OPEN_LIST ? [] : {};
    this.add(container);
    this.open.push(container);
    this.names.push(undefined);
    this.counts.push(0);
  }

  private closeContainer(): void {
    if (this.leftOut > 0) {
      this.leftOut -= 1;
    } else {
      this.open.pop();
      this.names.pop();
      this.counts.pop();
    }
  }

  private addText(text: string): void {
    const level = this.open.length - 1;
    const isName = !Array.isArray(this.open[level]) && this.names[level] === undefined;
    if (isName && this.leftOut === 0 && level >= 0) {
      this.names[level] = text;
    } else {
      this.add(text);
    }
  }

  private add(value: unknown): void {
    if (this.leftOut > 0) {
      return;
    }
    const level = this.open.length - 1;
    const container = this.open[level];
    if (container === undefined) {
      this.root = value;
    } else if (Array.isArray(container)) {
      container.push(value);
    } else {
      this.addMember(container, level, value);
    }
  }

  private addMember(fields: Fields, level: number, value: unknown): void {
    const name = this.names[level] as string;
    const count = this.counts[level] as number;
    const isNew = !Object.hasOwn(fields, name);
    if (!isNew || count < MAX_NAMES) {
      setField(fields, name, value);
      this.counts[level] = isNew ? count + 1 : count;
    }
    this.names[level] = undefined;
  }

  /** A long text is joined from pieces. */
  private *readText(): Work<string> {
    const { text } = this;
    let joined = '';
    let start = this.position + 1;
    let isEscaped = false;
    for (let position = start; ;) {
      const code = text.charCodeAt(position);
      if (code === QUOTE || position - start >= STEP) {
        const piece = text.slice(start, position);
        joined += isEscaped ? (JSON.parse(`"${piece}"`) as string) : piece;
        if (code === QUOTE) {
          this.position = position + 1;
          return joined;
        }
        yield;
        start = position;
        isEscaped = false;
      } else if (code === BACKSLASH) {
        position += text.charCodeAt(position + 1) === SMALL_U ? 6 : 2;
        isEscaped = true;
      } else {
        position += 1;
      }
    }
  }

  private readScalar(code: number): unknown {
    switch (code) {
      case SMALL_T:
        this.position += 'true'.length;
        return true;
      case SMALL_F:
        this.position += 'false'.length;
        return false;
      case SMALL_N:
        this.position += 'null'.length;
        return null;
      default: {
        NUMBER.lastIndex = this.position;
        const [digits] = NUMBER.exec(this.text) as RegExpExecArray;
        this.position += digits.length;
        return numberOf(digits);
      }
    }
  }
}
