import { parse } from 'node:path';

const DAY_MS = 86_400_000;

export interface Retention {
  /** 0: all. */
  readonly backups: number;
  /** 0: for ever. */
  readonly maxAgeDays: number;
}

/** When a file was set aside, as its name says. */
interface SetAside {
  /** How often the clock had gone back by then, as far as the names tell. */
  readonly turn: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** Time that the clock may have gone back for the next name to continue after the last one all the same. */
const SMALL_STEP_MS = 1000;

/**
 * The name under which the file at `path` is set aside: `events.ndjson` becomes
 * `events-2026-11-23T10-00-00.000.ndjson`, in UTC. When the clock has gone back since the last file of the directory was
 * set aside, a number that counts these times comes after the time, so that the names tell the order in any case.
 * @param names in the directory
 */
export function backupName(path: string, now: number, names: readonly string[]): string {
  const { name, ext } = parse(path);
  const [last] = backupsOf(path, names);
  let [turn, at] = [last?.turn ?? 0, now];
  if (last && now <= last.at) {
    const isSmallStep = last.at - now < SMALL_STEP_MS;
    [turn, at] = isSmallStep ? [turn, last.at + 1] : [turn + 1, now];
  }
  const time = new Date(at).toISOString().slice(0, -1).replaceAll(':', '-');
  return `${name}-${time}${turn === 0 ? '' : `_${turn}`}${ext}`;
}

/** Undefined if the file of that name is not one of ours. */
export function setAside(path: string, backup: string): SetAside | undefined {
  const { name, ext } = parse(path);
  if (!backup.startsWith(`${name}-`) || !backup.endsWith(ext)) {
    return undefined;
  }
  const match = /^(\d{4}-\d\d-\d\d)T(\d\d)-(\d\d)-(\d\d\.\d{3})(?:_([1-9]\d{0,8}))?$/.exec(
    backup.slice(name.length + 1, backup.length - ext.length),
  );
  const at = match ? Date.parse(`${match[1]}T${match[2]}:${match[3]}:${match[4]}Z`) : NaN;
  return Number.isNaN(at) ? undefined : { turn: Number(match?.[5] ?? 0), at };
}

/** Which of the directory's `names` are backups of `path` that need not be kept any longer. */
export function expiredBackups(
  path: string,
  names: readonly string[],
  now: number,
  { backups, maxAgeDays }: Retention,
): string[] {
  const newestFirst = backupsOf(path, names);
  const times = likelyTimes(newestFirst, now);
  return newestFirst
    .filter((_, index) => {
      const isOld = maxAgeDays > 0 && now - (times[index] ?? now) > maxAgeDays * DAY_MS;
      return (backups > 0 && index >= backups) || isOld;
    })
    .map(({ name }) => name);
}

/**
 * When the files were set aside at the earliest, by the names of all of them: a clock that was wrong for a while must not
 * make a file old. None was set aside before those that came before it, nor at a time that is still to come: such a one
 * counts as old as the next.
 */
function likelyTimes(newestFirst: readonly SetAside[], now: number): (number | undefined)[] {
  let latest = -Infinity;
  const times = newestFirst.map(({ at }) => (at <= now ? at : undefined));
  for (let index = times.length - 1; index >= 0; index -= 1) {
    const at = times[index];
    if (at !== undefined) {
      latest = Math.max(latest, at);
      times[index] = latest;
    }
  }
  return times.map(
    (at, index) => at ?? times.slice(0, index).findLast((next) => next !== undefined),
  );
}

/** Those that were set aside last first. */
function backupsOf(path: string, names: readonly string[]): (SetAside & { name: string })[] {
  return names
    .flatMap((name) => {
      const known = setAside(path, name);
      return known ? [{ name, ...known }] : [];
    })
    .toSorted((one, other) => other.turn - one.turn || other.at - one.at);
}
