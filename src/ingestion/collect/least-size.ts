import { child, type FieldRules } from '../../event/field-rules.js';
import { isKnownField } from '../../event/known-fields.js';
import { MAX_DEPTH } from '../../event/limits.js';
import { NumberLiteral, numberOf } from '../../event/number-literal.js';
import { mayHoldParameter } from '../../event/parameter-stripper.js';
import type { Sanitizer } from '../../event/sanitize.js';
import type { Work } from '../../event/work.js';
import { type Member, OpenValue, type Share } from './open-value.js';
import { TextRead } from './text-read.js';

/** What is taken out of the events of a request before they are stored. */
export interface Removals {
  /** One of them strips query parameters. */
  readonly sanitizers: readonly Sanitizer[];
  /** `session` and `user`. */
  readonly visitor: boolean;
  readonly fieldRules: FieldRules | undefined;
}

/** Characters between two pauses. */
const STEP = 16 * 1024;

/** Characters. What is shorter is built even where it is not needed. */
const MIN_LEFT_OUT = 1024;

const NOT_STORED: ReadonlySet<string> = new Set(['sent_at', 'received_at', 'server']);
const VISITOR: ReadonlySet<string> = new Set(['session', 'user']);
/** Here whole members are query parameters. */
const PARAMETERS: ReadonlySet<string> = new Set(['url', 'route']);
/** An address loses user and password, and may then be written another way. */
const ADDRESSES: ReadonlySet<string> = new Set(['referrer', 'canonical_url', 'url']);

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

type Kind = 'scalar' | 'container';

const UNSTORABLE = new NumberLiteral('1e999');

/** What stands in the place of a value that is not needed: it ends there, and this is read as its value. */
export interface LeftOut {
  readonly end: number;
  readonly standIn: unknown;
}

/**
 * Looks into the text of an event of any size in pieces, before a value is made of it: how large it is at the least as
 * it is stored, and what else `prepareEvent` rejects it for. What may be taken out of it, or left out of it, counts
 * nothing; of members with one name, the last one counts. The text has to be JSON.
 */
export class LeastSize {
  /** Bytes. */
  size = 0;
  /** Object members, all levels together. */
  fields = 0;
  isTooDeep = false;
  /** The long values that nothing is stored of, by where they start. */
  readonly leftOut = new Map<number, LeftOut>();

  private readonly open: OpenValue[] = [];
  /** Levels that are too deep, and where they start. */
  private excess = 0;
  private excessAt = 0;
  private readonly read = new TextRead();

  constructor(
    private readonly text: string,
    private position: number,
    private readonly end: number,
    private readonly removals: Removals,
  ) {}

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
    const opened = new OpenValue(start, isList, holder?.rule, this.isFree(holder));
    if (isList) {
      opened.rule = opened.own;
    }
    this.open.push(opened);
  }

  private closeValue(): void {
    if (this.excess > 0) {
      this.excess -= 1;
      if (this.excess === 0) {
        this.add({ ...NOTHING, tooDeep: 1 }, this.excessAt, 'container');
      }
      return;
    }
    const closed = this.open.pop() as OpenValue;
    if (this.open.length > 0) {
      this.add(closed.share, closed.start, 'container');
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
    const { fieldRules } = this.removals;
    holder.name = name;
    holder.rule = this.open.length === 1 ? fieldRules?.nodeOf(name) : child(holder.own, name);
    if (this.mayChange(name)) {
      for (const sanitizer of this.removals.sanitizers) {
        holder.changedNames.add(yield* sanitizer.textInPieces(name));
      }
    }
  }

  private sizeOfText(name: string | undefined): number {
    const { length, at } = this.read;
    if (length === 0 || (this.read.mayHoldParameter && this.removals.sanitizers.length > 0)) {
      return 0;
    }
    if (at !== -1 && name !== undefined && ADDRESSES.has(name)) {
      return 0;
    }
    // What stands before the last @ may be a user and a password. A query may lose a question mark.
    return length - (at + 1) + 1;
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
    const stays = share.size > 0 && !this.isRemoved(name, holder, kind);
    const size = stays ? share.size + name.length + 4 : 0;
    const member: Member = { ...share, size, start, end: this.position };
    const before = holder.addMember(name, member);
    if (before !== undefined) {
      this.leaveOut(before, true);
    }
    if (this.isNeverStored(name, kind)) {
      this.leaveOut(member, true);
    } else if (holder.rule?.action === 'drop' && this.isFreeMember(name, holder)) {
      // The event is rejected for such a number wherever it is.
      this.leaveOut(member, share.unstorable > 0 ? UNSTORABLE : true);
    }
  }

  private isRemoved(name: string, { rule }: OpenValue, kind: Kind): boolean {
    const { sanitizers, visitor, fieldRules } = this.removals;
    if (rule?.action !== undefined || this.mayChange(name)) {
      return true;
    }
    if (this.open.length > 1) {
      return false;
    }
    if (name === 'ts') {
      // One that may be a time is written again; no list or object is, and it moves into `props`.
      return kind === 'scalar' || fieldRules !== undefined;
    }
    return (
      NOT_STORED.has(name) ||
      (visitor && VISITOR.has(name)) ||
      (sanitizers.length > 0 && PARAMETERS.has(name))
    );
  }

  /** And nothing looks at it. */
  private isNeverStored(name: string, kind: Kind): boolean {
    if (this.open.length > 1 || !NOT_STORED.has(name)) {
      return this.open.length === 1 && this.removals.visitor && VISITOR.has(name);
    }
    return name !== 'sent_at' || kind === 'container';
  }

  private mayChange(name: string): boolean {
    return this.removals.sanitizers.length > 0 && mayHoldParameter(name);
  }

  /** Whether the value that comes next in it has no schema inside, and nothing else looks at it either. */
  private isFree(holder: OpenValue | undefined): boolean {
    if (holder?.name === undefined) {
      return holder?.isFree ?? false;
    }
    return this.isFreeMember(holder.name, holder) || (this.open.length === 1 && holder.name === 'props');
  }

  private isFreeMember(name: string, holder: OpenValue): boolean {
    const isFree = this.open.length > 1 ? holder.isFree : !isKnownField(name) && name !== 'context';
    return isFree && !this.mayChange(name);
  }

  private leaveOut({ start, end }: Member, standIn: unknown): void {
    if (end - start >= MIN_LEFT_OUT) {
      this.leftOut.set(start, { end, standIn });
    }
  }
}
