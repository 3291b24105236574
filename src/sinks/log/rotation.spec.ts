import { describe, expect, it } from 'vitest';
import { backupName, expiredBackups, setAsideAt } from './rotation.js';

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

describe('setAsideAt', () => {
  it('reads the time of a name that backupName gave', () => {
    expect(setAsideAt(PATH, backupAt(NOW))).toBe(NOW);
    expect(setAsideAt('/data/events', backupName('/data/events', NOW, []))).toBe(NOW);
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
    expect(setAsideAt(PATH, name)).toBeUndefined();
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
});
