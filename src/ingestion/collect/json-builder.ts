import { type Fields, setField } from '../../event/fields.js';
import { MAX_DEPTH } from '../../event/limits.js';
import { numberOf } from '../../event/number-literal.js';
import type { Work } from '../../event/work.js';
import type { Plan } from './least-size.js';
import { ListEncoder } from './list-encoder.js';

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

/** A text may hold hundreds of thousands of these. Nobody changes what a client said. */
const EMPTY_OBJECT: Fields = Object.freeze({});
const EMPTY_LIST: readonly unknown[] = Object.freeze([]);

/** An object or a list whose end has not been read yet. */
interface Open {
  /** The members of an object. */
  fields: Fields | undefined;
  /** The name of the member whose value comes next. */
  name: string | undefined;
  /** How many names it has. */
  names: number;
  /** Where the elements of a list start, among those of all open lists. */
  readonly from: number;
  readonly isList: boolean;
  /** It is, or is inside, a list that is to be encoded. */
  readonly isEncoded: boolean;
  /** How many values it holds that are not encoded yet. */
  values: number;
  hasLongTexts: boolean;
  /** Where the first elements of a list are when they are encoded already. */
  encoder: ListEncoder | undefined;
}

/** Values: so many are encoded at once. */
const CHUNK = 256;
/** Values: a list that holds more is not kept as objects where it can be encoded. */
const SMALL_LIST = 16;
/** Characters. */
const LONG_TEXT = 256;

const NO_PLAN: Plan = { leftOut: new Map(), encodedLists: new Set(), sanitizer: undefined };

/**
 * Makes of a text that is known to be JSON the value that `parseJson` makes of it, in pieces, but for what no event
 * has: containers more than a level too deep are left out, and the names of an object after the first 16,384.
 */
export class JsonBuilder {
  private readonly open: Open[] = [];
  /** What the open lists hold. A list of its own that grows would take several times the memory. */
  private readonly elements: unknown[] = [];
  /** Levels that are too deep. */
  private excess = 0;
  private root: unknown;

  constructor(
    private readonly text: string,
    private position: number,
    private readonly end: number,
    private readonly plan: Plan = NO_PLAN,
  ) {}

  *build(): Work<unknown> {
    let pauseAt = this.position + STEP;
    while (this.position < this.end) {
      if (this.position >= pauseAt) {
        yield;
        pauseAt = this.position + STEP;
      }
      const code = this.text.charCodeAt(this.position);
      const leftOut = this.plan.leftOut.get(this.position);
      if (leftOut !== undefined) {
        this.position = leftOut.end;
        this.add(leftOut.standIn);
      } else if (code === QUOTE) {
        this.addText(yield* this.readText());
      } else if (code === OPEN_OBJECT || code === OPEN_LIST) {
        this.openContainer(code);
        this.position += 1;
      } else if (code === CLOSE_OBJECT || code === CLOSE_LIST) {
        this.position += 1;
        yield* this.closeContainer();
      } else if (code === COMMA || code === COLON || code <= SPACE) {
        this.position += 1;
      } else {
        this.add(this.readScalar(code));
      }
      const holder = this.open.at(-1);
      if (holder?.isEncoded && holder.isList && holder.values >= CHUNK) {
        yield* this.encodeElements(holder);
      }
    }
    return this.root;
  }

  private openContainer(code: number): void {
    if (this.excess > 0 || this.open.length > MAX_DEPTH) {
      this.excess += 1;
      return;
    }
    this.open.push({
      fields: undefined,
      name: undefined,
      names: 0,
      from: this.elements.length,
      isList: code === OPEN_LIST,
      isEncoded: this.open.at(-1)?.isEncoded || this.plan.encodedLists.has(this.position),
      values: 0,
      hasLongTexts: false,
      encoder: undefined,
    });
  }

  private *closeContainer(): Work<void> {
    if (this.excess > 0) {
      this.excess -= 1;
      return;
    }
    const closed = this.open.at(-1) as Open;
    const { fields, isList, isEncoded } = closed;
    if (isList && isEncoded && (closed.encoder !== undefined || closed.values > SMALL_LIST)) {
      if (closed.values > 0) {
        yield* this.encodeElements(closed);
      }
      this.open.pop();
      this.add((closed.encoder as ListEncoder).list);
      return;
    }
    this.open.pop();
    this.add(isList ? this.listFrom(closed.from) : (fields ?? EMPTY_OBJECT), closed);
  }

  private *encodeElements(list: Open): Work<void> {
    list.encoder ??= new ListEncoder(this.plan.sanitizer);
    yield* list.encoder.add(this.elements.slice(list.from), list.hasLongTexts);
    this.elements.length = list.from;
    list.values = 0;
    list.hasLongTexts = false;
  }

  private listFrom(from: number): readonly unknown[] {
    if (from === this.elements.length) {
      return EMPTY_LIST;
    }
    const list = this.elements.slice(from);
    this.elements.length = from;
    return list;
  }

  private addText(text: string): void {
    const holder = this.open.at(-1);
    const isName = holder?.isList === false && holder.name === undefined;
    if (isName && this.excess === 0) {
      holder.name = text;
    } else {
      this.add(text);
    }
  }

  private add(value: unknown, inside?: Open): void {
    if (this.excess > 0) {
      return;
    }
    const holder = this.open.at(-1);
    if (holder === undefined) {
      this.root = value;
      return;
    }
    holder.values += 1 + (inside?.values ?? 0);
    holder.hasLongTexts ||=
      inside?.hasLongTexts ?? (typeof value === 'string' && value.length > LONG_TEXT);
    if (holder.isList) {
      this.elements.push(value);
    } else {
      addMember(holder, value);
    }
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

function addMember(holder: Open, value: unknown): void {
  const fields = (holder.fields ??= {});
  const name = holder.name as string;
  const isNew = !Object.hasOwn(fields, name);
  if (!isNew || holder.names < MAX_NAMES) {
    setField(fields, name, value);
    holder.names += isNew ? 1 : 0;
  }
  holder.name = undefined;
}
