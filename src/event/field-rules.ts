import { createHmac } from 'node:crypto';
import { type Fields, isFields, setField } from './fields.js';
import { isKnownField } from './known-fields.js';
import { LongLists } from './long-lists.js';
import { NumberLiteral } from './number-literal.js';
import { resultOf, type Work } from './work.js';

/** Names of fields from the event inwards; `*` stands for any one of a level. */
export type FieldPath = readonly string[];

export const ANY = '*';

/** A fresh HMAC takes 2 µs, and an array of a few bytes an element may hold many. */
const MAX_HASHES = 1000;

/** Of `LongLists`. */
const UNITS_A_HASH = 20;

export interface FieldPaths {
  readonly dropped: readonly FieldPath[];
  readonly hashed: readonly FieldPath[];
  /** Key of the hashes. */
  readonly secret: string;
}

interface Rule {
  readonly path: FieldPath;
  readonly action: Action;
}

type Action = 'drop' | 'hash';

/** What happens to a value: itself, and what is inside. */
export interface Node {
  readonly action?: Action | undefined;
  readonly members: ReadonlyMap<string, Node>;
  readonly others?: Node | undefined;
}

const DROP: Node = { action: 'drop', members: new Map() };
/** All texts and numbers inside, too: names and structure stay. */
const HASH: Node = {
  action: 'hash',
  members: new Map(),
  get others() {
    return HASH;
  },
};

/**
 * Drops and hashes the fields that the operator does not want as they are. An array is no level of a path, which
 * continues in each element that is an object; where the elements are values, `*` stands for them. A null is not hashed.
 */
export class FieldRules {
  /** For `server` of a rejected event that is kept: it says what was hashed, and under which secret. */
  readonly marks: { readonly hashed: string } | undefined;
  private readonly root: Node | undefined;
  /** For top-level fields that we do not know: they move into `props`. */
  private readonly moved: Node | undefined;

  constructor(
    private readonly paths: FieldPaths,
    isHashed = false,
  ) {
    const { dropped, hashed } = paths;
    this.marks =
      hashed.length === 0
        ? undefined
        : { hashed: hashOf(JSON.stringify(hashed), paths.secret).slice(0, 16) };
    const rules: Rule[] = [
      ...dropped.map((path) => ({ path, action: 'drop' as const })),
      ...(isHashed ? [] : hashed.map((path) => ({ path, action: 'hash' as const }))),
    ];
    const [ofRoot, ofMoved] = placed(rules);
    this.root = nodeOf(ofRoot);
    this.moved = nodeOf(ofMoved);
  }

  /** The rules for an event with these marks: what was hashed by these very rules must not be hashed again. */
  afterMarks(marks: Readonly<Fields>): FieldRules {
    return this.marks !== undefined && marks['hashed'] === this.marks.hashed
      ? new FieldRules(this.paths, true)
      : this;
  }

  /** What happens to the top-level field of this name; undefined when no rule concerns it. */
  nodeOf(name: string): Node | undefined {
    return child(isKnownField(name) ? this.root : this.moved, name);
  }

  /**
   * A copy of an event, as it is stored or as it was sent. Not for values deeper than `MAX_DEPTH`.
   * @param renamed names in `props` of fields whose own name was taken there
   */
  apply(event: Readonly<Fields>, renamed?: ReadonlyMap<string, string>): Fields {
    return resultOf(this.applyInPieces(event, renamed));
  }

  *applyInPieces(event: Readonly<Fields>, renamed?: ReadonlyMap<string, string>): Work<Fields> {
    const run = new Run(this.paths.secret);
    const copy = { ...event };
    for (const name in event) {
      const node = this.nodeOf(name);
      const value = event[name];
      const result =
        name === 'props' && renamed !== undefined && isFields(value)
          ? this.propsApplied(run, value, renamed, node)
          : run.applied(value, node);
      replace(copy, name, value, result);
    }
    yield* run.lists.fill();
    return copy;
  }

  /** Under a second name, a value is found by the one that it came with, and else by that. */
  private propsApplied(
    run: Run,
    props: Fields,
    renamed: ReadonlyMap<string, string>,
    node: Node | undefined,
  ): unknown {
    const fields: Fields = Object.fromEntries(
      Object.entries(props).filter(([name]) => !renamed.has(name)),
    );
    const result = (run.applied(fields, node) ?? {}) as Fields;
    for (const [name, original] of renamed) {
      const value = props[name];
      const byOriginal = run.applied(value, child(this.moved, original));
      const left = byOriginal === value ? run.applied(value, child(this.moved, name)) : byOriginal;
      if (left !== undefined) {
        setField(result, name, left);
      }
    }
    return emptied(result) ? undefined : result;
  }
}

/** The rules on their way through one event. */
class Run {
  readonly lists = new LongLists();
  private hashesLeft = MAX_HASHES;

  constructor(private readonly secret: string) {}

  /** Undefined when nothing is left; the same value when no rule concerns it. */
  applied(value: unknown, node: Node | undefined): unknown {
    if (node?.action === 'drop') {
      return undefined;
    }
    if (node === undefined || value === null || value === undefined) {
      return value;
    }
    if (Array.isArray(value)) {
      return this.lists.made(value, (made, element) => this.addElement(made, element, node));
    }
    if (isFields(value)) {
      return this.membersApplied(value, node);
    }
    return node.action === 'hash' ? this.hashed(value) : value;
  }

  private addElement(made: unknown[], element: unknown, node: Node): void {
    const left =
      isFields(element) || Array.isArray(element)
        ? // An element stays in its place, even when it is empty.
          (this.applied(element, node) ?? {})
        : this.applied(element, node.action === 'hash' ? node : node.others);
    if (left !== undefined) {
      made.push(left);
    }
  }

  private membersApplied(fields: Fields, node: Node): Fields | undefined {
    let copy: Fields | undefined;
    for (const name in fields) {
      const value = fields[name];
      const result = this.applied(value, child(node, name));
      if (result !== value) {
        copy ??= { ...fields };
        replace(copy, name, value, result);
      }
    }
    return copy !== undefined && emptied(copy) ? undefined : (copy ?? fields);
  }

  private hashed(value: unknown): string | undefined {
    this.hashesLeft -= 1;
    if (this.hashesLeft < 0) {
      return undefined;
    }
    this.lists.spend(UNITS_A_HASH);
    const text = value instanceof NumberLiteral ? value.text : String(value);
    return hashOf(text, this.secret);
  }
}

/**
 * The rules of the event, and those of fields that move into `props`. Both the place where a client puts such a
 * field and the one where it is stored may be named.
 */
function placed(rules: readonly Rule[]): [Rule[], Rule[]] {
  const ofRoot: Rule[] = [];
  const ofMoved: Rule[] = [];
  for (const rule of rules) {
    const [first = '', ...rest] = rule.path;
    if (first === 'props') {
      ofMoved.push({ ...rule, path: rest });
      continue;
    }
    if (first === ANY || isKnownField(first)) {
      ofRoot.push(rule);
    }
    if (first === ANY || !isKnownField(first)) {
      ofMoved.push(rule);
    }
  }
  return [
    [...ofRoot, ...ofMoved.map(({ path, action }) => ({ path: ['props', ...path], action }))],
    ofMoved,
  ];
}

function nodeOf(rules: readonly Rule[], outer?: 'hash'): Node | undefined {
  const own = new Set(rules.filter(({ path }) => path.length === 0).map((rule) => rule.action));
  if (own.has('drop')) {
    return DROP;
  }
  const action = own.has('hash') ? 'hash' : outer;
  const inside = rules.filter(({ path }) => path.length > 0);
  if (inside.length === 0) {
    return action && HASH;
  }
  const under = (...names: readonly string[]): Node | undefined =>
    nodeOf(
      inside
        .filter(({ path }) => names.includes(path[0] as string))
        .map(({ path, action: inner }) => ({ path: path.slice(1), action: inner })),
      action,
    );
  const members = new Map<string, Node>();
  for (const [name = ''] of inside.map(({ path }) => path)) {
    if (name !== ANY && !members.has(name)) {
      members.set(name, under(name, ANY) as Node);
    }
  }
  return { action, members, others: under(ANY) };
}

export function child(node: Node | undefined, name: string): Node | undefined {
  return node?.action === 'drop' ? DROP : (node?.members.get(name) ?? node?.others);
}

function replace(fields: Fields, name: string, value: unknown, result: unknown): void {
  if (result === undefined) {
    delete fields[name];
  } else if (result !== value) {
    setField(fields, name, result);
  }
}

function emptied(fields: Fields): boolean {
  return Object.values(fields).every((value) => value === undefined);
}

function hashOf(text: string, secret: string): string {
  return createHmac('sha256', secret).update(text).digest('hex');
}
