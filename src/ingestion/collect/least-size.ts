import { child } from '../../event/field-rules.js';
import { MAX_DEPTH } from '../../event/limits.js';
import { NumberLiteral, numberOf } from '../../event/number-literal.js';
import type { Sanitizer } from '../../event/sanitize.js';
import type { Work } from '../../event/work.js';
import { type Member, OpenValue, type Share } from './open-value.js';
import { TextRead } from './text-read.js';
import { type Kind, leastSizeOfText, type Removals, ValuePlaces } from './value-places.js';

/** Characters between two pauses. */
const STEP = 16 * 1024;

/** Characters. What is shorter is built even where it is not needed. */
const MIN_LEFT_OUT = 1024;
/** Characters. An event may have a thousand lists. */
const MIN_ENCODED = 64;

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const SMALL_F = 0x66;
const SMALL_N = 0x6e;
const SMALL_T = 0x74;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

const NUMBER = /[-+.\deE]+/y;
/** All others are exact as doubles. */
const MAYBE_INEXACT = /\d{16}|[eE]/;

const NOTHING: Share = { size: 0, fields: 0, tooDeep: 0, unstorable: 0 };
const ONE_BYTE: Share = { ...NOTHING, size: 1 };

const UNSTORABLE = new NumberLiteral('1e999');

/** What stands in the place of a value that is not needed: it ends there, and this is read as its value. */
export interface LeftOut {
  readonly end: number;
  readonly standIn: unknown;
}

/** How a value is made of the text of an event. */
export interface Plan {
  /** The long values that nothing is stored of, by where they start. */
  readonly leftOut: ReadonlyMap<number, LeftOut>;
  /** Where the long lists start whose elements are only stored, and looked at by nobody. */
  readonly encodedLists: ReadonlySet<number>;
  /** For those. */
  readonly sanitizer: Sanitizer | undefined;
}

/**
 * Looks into the text of an event of any size in pieces, before a value is made of it: how large it is at the least as
 * it is stored, and what else `prepareEvent` rejects it for. What may be taken out of it, or left out of it, counts
 * nothing; of members with one name, the last one counts. The text has to be JSON.
 */
export class LeastSize implements Plan {
  /** Bytes. */
  size = 0;
  /** Object members, all levels together. */
  fields = 0;
  isTooDeep = false;
  readonly leftOut = new Map<number, LeftOut>();
  readonly encodedLists = new Set<number>();

  private readonly open: OpenValue[] = [];
  /** Levels that are too deep, and where they start. */
  private excess = 0;
  private excessAt = 0;
  private readonly read = new TextRead();
  private readonly places: ValuePlaces;

  constructor(
    private readonly text: string,
    private position: number,
    private readonly end: number,
    private readonly removals: Removals,
  ) {
    this.places = new ValuePlaces(removals);
  }

  get sanitizer(): Sanitizer | undefined {
    // The last one strips what the others strip.
    return this.removals.sanitizers.at(-1);
  }

  *measure(): Work<void> {
    let pauseAt = this.position + STEP;
    while (this.position < this.end) {
      if (this.position >= pauseAt) {
        yield;
        pauseAt = this.position + STEP;
      }
      const code = this.text.charCodeAt(this.position);
      if (code === QUOTE) {
        this.read.begin(this.position + 1);
        while (!this.read.continues(this.text, pauseAt)) {
          yield;
          pauseAt += STEP;
        }
        yield* this.addText();
      } else {
        this.readToken(code);
      }
    }
  }

  private readToken(code: number): void {
    switch (code) {
      case OPEN_OBJECT:
      case OPEN_LIST:
        this.openValue(code === OPEN_LIST);
        return;
      case CLOSE_OBJECT:
      case CLOSE_LIST:
        this.position += 1;
        this.closeValue();
        return;
      case COMMA:
      case COLON:
      case 0x20:
      case 0x09:
      case 0x0a:
      case 0x0d:
        this.position += 1;
        return;
      default:
        this.addScalar(code);
    }
  }

  private openValue(isList: boolean): void {
    const start = this.position;
    this.position += 1;
    if (this.excess > 0 || this.open.length === MAX_DEPTH) {
      this.excessAt = this.excess === 0 ? start : this.excessAt;
      this.excess += 1;
      return;
    }
    const holder = this.open.at(-1);
    const level = this.open.length;
    const isFree = this.places.isFree(level, holder);
    const isEncodable = isFree && this.places.isEncodable(level, holder, this.open[1]?.group);
    const isGroup =
      holder?.name !== undefined && this.places.isFreeGroup(level, holder.name, holder);
    this.open.push(new OpenValue(start, isList, holder, isFree || isGroup, isEncodable));
  }

  private closeValue(): void {
    if (this.excess > 0) {
      this.excess -= 1;
      if (this.excess === 0) {
        this.add({ ...NOTHING, tooDeep: 1 }, this.excessAt, 'object');
      }
      return;
    }
    const closed = this.open.pop() as OpenValue;
    if (closed.isEncoded && this.position - closed.start >= MIN_ENCODED) {
      this.encodedLists.add(closed.start);
    }
    if (this.open.length > 0) {
      this.add(closed.share, closed.start, closed.isList ? 'list' : 'object');
      return;
    }
    const { size, fields, tooDeep } = closed.share;
    this.size = size;
    this.fields = fields;
    this.isTooDeep = tooDeep > 0;
  }

  private *addText(): Work<void> {
    const start = this.position;
    this.position = this.read.end + 1;
    if (this.excess > 0) {
      return;
    }
    const holder = this.open.at(-1) as OpenValue;
    if (!holder.isList && holder.name === undefined) {
      yield* this.beginMember(holder, this.read.of(this.text));
      return;
    }
    const rule = holder.isList ? holder.rule?.others : holder.rule;
    const size = rule === undefined ? this.sizeOfText(holder.name) : 0;
    this.add({ ...NOTHING, size }, start, 'scalar');
  }

  private *beginMember(holder: OpenValue, name: string): Work<void> {
    const { sanitizers } = this.removals;
    const rule = this.open.length === 1 ? this.places.ruleOf(name) : child(holder.own, name);
    let becomes: Set<string> | undefined;
    if (this.read.mayHoldParameter) {
      for (const sanitizer of sanitizers) {
        const changed = yield* sanitizer.textInPieces(name);
        if (changed !== name) {
          becomes ??= new Set();
          becomes.add(changed);
        }
      }
    }
    holder.begin(name, rule, becomes);
  }

  private sizeOfText(name: string | undefined): number {
    const { length, at } = this.read;
    return length === 0 || (this.read.mayHoldParameter && this.removals.sanitizers.length > 0)
      ? 0
      : leastSizeOfText(length, at, name);
  }

  private addScalar(code: number): void {
    const start = this.position;
    if (code === SMALL_T || code === SMALL_N) {
      this.position += 'true'.length;
    } else if (code === SMALL_F) {
      this.position += 'false'.length;
    } else {
      NUMBER.lastIndex = start;
      NUMBER.test(this.text);
      this.position = NUMBER.lastIndex;
    }
    if (this.excess === 0) {
      this.add(code === SMALL_N ? NOTHING : this.shareOfScalar(start), start, 'scalar');
    }
  }

  private shareOfScalar(start: number): Share {
    const digits = this.text.slice(start, this.position);
    const number = MAYBE_INEXACT.test(digits) ? numberOf(digits) : undefined;
    if (!(number instanceof NumberLiteral)) {
      return ONE_BYTE;
    }
    // Known fields hold no list of numbers: elsewhere all digits are kept.
    const holder = this.open.at(-1) as OpenValue;
    const size = holder.isList && holder.rule === undefined ? digits.length : 1;
    return { ...NOTHING, size, unstorable: number.isStorable ? 0 : 1 };
  }

  private add(share: Share, start: number, kind: Kind): void {
    const holder = this.open.at(-1) as OpenValue;
    if (holder.isList) {
      // An element that is an object or a list stays in its place, even when it is empty.
      const isRemoved = kind === 'scalar' && holder.rule?.others !== undefined;
      const least = kind === 'scalar' ? 1 : 2;
      holder.add({ ...share, size: isRemoved ? 0 : Math.max(share.size, least) + 1 });
      return;
    }
    const name = holder.name as string;
    holder.name = undefined;
    // What is empty, or holds nothing that is certain to stay, may be left out with its name.
    const stays = share.size > 0 && !this.places.isRemoved(this.open.length, name, holder, kind);
    const size = stays ? share.size + name.length + 4 : 0;
    const member: Member = { ...share, size, start, end: this.position };
    const before = holder.addMember(name, member);
    if (before !== undefined) {
      this.leaveOut(before, true);
    }
    if (this.places.isNeverStored(this.open.length, name)) {
      this.leaveOut(member, true);
    } else if (
      holder.rule?.action === 'drop' &&
      this.places.isFreeMember(this.open.length, name, holder)
    ) {
      // The event is rejected for such a number wherever it is.
      this.leaveOut(member, share.unstorable > 0 ? UNSTORABLE : true);
    }
  }

  private leaveOut({ start, end }: Member, standIn: unknown): void {
    if (end - start >= MIN_LEFT_OUT) {
      this.leftOut.set(start, { end, standIn });
    }
  }
}
