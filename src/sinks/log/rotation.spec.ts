import { describe, expect, it } from 'vitest';
import { backupName, expiredBackups, setAside } from './rotation.js';

const PATH = '/var/lib/gotrack/events.ndjson';
const NOW = Date.UTC(2026, 10, 23, 10, 0, 0, 7);
const DAY_MS = 86_400_000;

const backupAt = (time: number): string => backupName(PATH, time, []);

describe('backupName', () => {
  it('puts the UTC time between the base name and the extension', () => {
    expect(backupName(PATH, NOW, [])).toBe('events-2026-11-23T10-00-00.007.ndjson');
  });

  it('does without an extension', () => {
    expect(backupName('/data/events', NOW, [])).toBe('events-2026-11-23T10-00-00.007');
  });

  it('takes the next free millisecond when the name is taken', () => {
    expect(backupName(PATH, NOW, [backupAt(NOW), backupAt(NOW + 1)])).toBe(backupAt(NOW + 2));
  });
});

describe('setAside', () => {
  it('reads the time of a name that backupName gave', () => {
    expect(setAside(PATH, backupAt(NOW))).toEqual({ turn: 0, at: NOW });
    expect(setAside('/data/events', backupName('/data/events', NOW, []))).toEqual({
      turn: 0,
      at: NOW,
    });
  });

  it.each([
    'events.ndjson',
    'events-2026-11-23T10-00-00.007.ndjson.gz',
    'events-2026-11-23T10-00-00.007.ndjson.1',
    'events-2026-11-23.ndjson',
    'events-2026-13-23T10-00-00.007.ndjson',
    'events-old-2026-11-23T10-00-00.007.ndjson',
    'other-2026-11-23T10-00-00.007.ndjson',
    'events-2026-11-23T10-00-00.007.json',
    'events-.ndjson',
  ])('does not know %s', (name) => {
    expect(setAside(PATH, name)).toBeUndefined();
  });
});

describe('expiredBackups', () => {
  const [newest, middle, oldest] = [NOW - DAY_MS, NOW - 3 * DAY_MS, NOW - 5 * DAY_MS].map(backupAt);
  const names = [middle, 'events.ndjson', oldest, 'notes.txt', newest].map(String);

  it('keeps all when nothing bounds them', () => {
    expect(expiredBackups(PATH, names, NOW, { backups: 0, maxAgeDays: 0 })).toEqual([]);
  });

  it('keeps the newest ones', () => {
    expect(expiredBackups(PATH, names, NOW, { backups: 1, maxAgeDays: 0 })).toEqual([
      middle,
      oldest,
    ]);
    expect(expiredBackups(PATH, names, NOW, { backups: 3, maxAgeDays: 0 })).toEqual([]);
  });

  it('keeps those that are not older than the bound', () => {
    expect(expiredBackups(PATH, names, NOW, { backups: 0, maxAgeDays: 3 })).toEqual([oldest]);
    expect(expiredBackups(PATH, names, NOW, { backups: 0, maxAgeDays: 2 })).toEqual([
      middle,
      oldest,
    ]);
  });

  it('applies both bounds', () => {
    expect(expiredBackups(PATH, names, NOW, { backups: 2, maxAgeDays: 2 })).toEqual([
      middle,
      oldest,
    ]);
    expect(expiredBackups(PATH, names, NOW, { backups: 1, maxAgeDays: 4 })).toEqual([
      middle,
      oldest,
    ]);
  });

  describe('when the clock goes back', () => {
    const YEAR_MS = 365 * DAY_MS;
    /** In the order in which they were set aside. */
    function setAsideAtTimes(...times: number[]): string[] {
      const made: string[] = [];
      for (const at of times) {
        made.push(backupName(PATH, at, made));
      }
      return made;
    }

    it.each([
      ['a year', [NOW + YEAR_MS, NOW, NOW + 1]],
      ['again and again', [NOW + YEAR_MS, NOW, NOW - DAY_MS, NOW - 2 * DAY_MS, NOW + DAY_MS]],
      ['a little', [NOW, NOW - 5, NOW - 900, NOW + 3]],
      ['to the same time', [NOW, NOW - YEAR_MS, NOW - 2 * YEAR_MS, NOW - YEAR_MS, NOW]],
    ])('by %s, keeps those that were set aside last', (_, times) => {
      const made = setAsideAtTimes(...times);
      const expired = expiredBackups(PATH, made.toReversed(), NOW, { backups: 2, maxAgeDays: 0 });
      expect(expired.toSorted()).toEqual(made.slice(0, -2).toSorted());
      expect(new Set(made).size).toBe(times.length);
    });

    it('names them as ever, but for a number', () => {
      const made = setAsideAtTimes(NOW, NOW - DAY_MS, NOW + DAY_MS);
      expect(made).toEqual([
        'events-2026-11-23T10-00-00.007.ndjson',
        'events-2026-11-22T10-00-00.007_1.ndjson',
        'events-2026-11-24T10-00-00.007_1.ndjson',
      ]);
    });

    it('takes none for old that was set aside after a younger one', () => {
      const made = setAsideAtTimes(NOW - 2 * DAY_MS, 0, 5000);
      expect(expiredBackups(PATH, made, NOW, { backups: 0, maxAgeDays: 3 })).toEqual([]);
      expect(expiredBackups(PATH, made, NOW, { backups: 0, maxAgeDays: 1 })).toHaveLength(3);
    });

    it('takes one of the future for as old as the next', () => {
      const made = setAsideAtTimes(NOW + YEAR_MS, NOW - 5 * DAY_MS, NOW - DAY_MS);
      expect(expiredBackups(PATH, made, NOW, { backups: 0, maxAgeDays: 3 }).toSorted()).toEqual(
        made.slice(0, 2).toSorted(),
      );
      const [future = ''] = made;
      expect(expiredBackups(PATH, [future], NOW, { backups: 0, maxAgeDays: 3 })).toEqual([]);
    });
  });
});
