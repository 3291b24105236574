import { eventSchema, referredTo, type Schema } from './event-schema.js';
import { type Fields, isFields } from './fields.js';

export type GroupName = 'url' | 'route' | 'device' | 'session' | 'user' | 'props';

interface Group {
  /** Those of its members that are groups themselves. */
  readonly groups: ReadonlyMap<string, Group>;
  /** An array of objects with these members. */
  readonly isList: boolean;
  /** The client's own data: null is a value there. */
  readonly isFree: boolean;
}

const eventGroups = groupsOf(eventSchema);

/**
 * The group without its nulls and empty groups, undefined when nothing is left; the same value when
 * there is nothing to leave out. A value of the wrong type stays, for the schema to find. A member left out
 * of a copy is undefined, which neither the schema nor JSON sees.
 */
export function compact(name: GroupName, value: unknown): unknown {
  return compactGroup(value, eventGroups.get(name) as Group);
}

function compactGroup(value: unknown, group: Group): unknown {
  if (value === null) {
    return undefined;
  }
  if (typeof value !== 'object' || Array.isArray(value) !== group.isList) {
    return value;
  }
  return group.isList
    ? (value as unknown[]).map((element) => compactElement(element, group))
    : compactFields(value as Fields, group);
}

/** An element stays in its place, even when it is empty. */
function compactElement(element: unknown, group: Group): unknown {
  return isFields(element) ? (compactFields(element, group) ?? {}) : element;
}

function compactFields(fields: Fields, group: Group): Fields | undefined {
  let copy: Fields | undefined;
  let isEmpty = true;
  for (const name in fields) {
    if (group.isFree) {
      return fields;
    }
    const member = fields[name];
    let kept = member;
    if (typeof member === 'object') {
      const inside = group.groups.get(name);
      kept = inside === undefined ? (member ?? undefined) : compactGroup(member, inside);
    }
    if (kept !== member) {
      // A spread keeps a member called __proto__ a member.
      copy ??= { ...fields };
      copy[name] = kept;
    }
    isEmpty &&= kept === undefined;
  }
  return isEmpty ? undefined : (copy ?? fields);
}

function groupsOf(schema: Schema): Map<string, Group> {
  const groups = new Map<string, Group>();
  for (const [name, member] of Object.entries(schema.properties ?? {})) {
    const isList = member.type === 'array';
    const inside = referredTo(isList ? (member.items ?? {}) : member);
    if (inside !== undefined) {
      groups.set(name, { groups: groupsOf(inside), isList, isFree: false });
    } else if (member.type === 'object') {
      groups.set(name, { groups: new Map(), isList: false, isFree: true });
    }
  }
  return groups;
}
