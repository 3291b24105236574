import { parse } from 'node:path';

const DAY_MS = 86_400_000;

export interface Retention {
  /** 0: all. */
  readonly backups: number;
  /** 0: for ever. */
  readonly maxAgeDays: number;
}

/**
 * The name under which the file at `path` is set aside: `events.ndjson` becomes
 * `events-2026-11-23T10-00-00.000.ndjson`, in UTC, a millisecond later for each name that is taken.
 */
export function backupName(path: string, now: number, taken: readonly string[]): string {
  const { name, ext } = parse(path);
  let time = now;
  let backup: string;
  do {
    backup = `${name}-${new Date(time).toISOString().slice(0, -1).replaceAll(':', '-')}${ext}`;
    time += 1;
  } while (taken.includes(backup));
  return backup;
}

/** When the file of that name was set aside; undefined if it is not one of ours. */
export function setAsideAt(path: string, backup: string): number | undefined {
  const { name, ext } = parse(path);
  if (!backup.startsWith(`${name}-`) || !backup.endsWith(ext)) {
    return undefined;
  }
  const time = /^(\d{4}-\d\d-\d\d)T(\d\d)-(\d\d)-(\d\d\.\d{3})$/.exec(
    backup.slice(name.length + 1, backup.length - ext.length),
  );
  const milliseconds = time ? Date.parse(`${time[1]}T${time[2]}:${time[3]}:${time[4]}Z`) : NaN;
  return Number.isNaN(milliseconds) ? undefined : milliseconds;
}

/** Which of the directory's `names` are backups of `path` that need not be kept any longer. */
export function expiredBackups(
  path: string,
  names: readonly string[],
  now: number,
  { backups, maxAgeDays }: Retention,
): string[] {
  const newestFirst = names
    .map((name) => ({ name, at: setAsideAt(path, name) }))
    .filter((backup): backup is { name: string; at: number } => backup.at !== undefined)
    .toSorted((one, other) => other.at - one.at);
  return newestFirst
    .filter(
      ({ at }, index) =>
        (backups > 0 && index >= backups) || (maxAgeDays > 0 && now - at > maxAgeDays * DAY_MS),
    )
    .map(({ name }) => name);
}
