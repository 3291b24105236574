import { describe, expect, it } from 'vitest';
import { accountOf, changesOf, type OwnedPartition, progressOf } from './owned-partition.js';
import { newAccount } from './partition-account.js';

function owned(committed: number, end: number, counts: object = {}): OwnedPartition {
  return { committed, end, account: { ...newAccount('t', 10), ...counts } };
}

const NOTHING = { dead: 0, purged: 0 };

describe('what a member has', () => {
  it('adds up over its partitions', () => {
    const all = new Map([
      [0, owned(15, 20, { dead: 1, skipped: 2 })],
      [3, owned(30, 30, { purged: 3, expired: 4, dead: 1 })],
    ]);
    expect(progressOf(all)).toEqual({ accepted: 30, settled: 25, corrupt: 2, expired: 4 });
    expect(accountOf(all)).toEqual({ deadLettered: 2, purged: 3 });
  });

  it('advances with what is settled', () => {
    const all = new Map([
      [0, owned(15, 20)],
      [1, owned(15, 20)],
    ]);
    const advances = new Map([[1, { offset: 18, skipped: 1, expired: 2 }]]);
    expect([...changesOf(all, advances, NOTHING)]).toEqual([
      [1, { committed: 18, account: { ...newAccount('t', 10), skipped: 1, expired: 2 } }],
    ]);
  });

  it('counts new dead letters where something is committed anyway', () => {
    const all = new Map([
      [0, owned(15, 20)],
      [1, owned(15, 20)],
    ]);
    const advances = new Map([[1, { offset: 18, skipped: 0, expired: 0 }]]);
    const changes = changesOf(all, advances, { dead: 2, purged: 1 });
    expect([...changes]).toEqual([
      [1, { committed: 18, account: { ...newAccount('t', 10), dead: 2, purged: 1 } }],
    ]);
    const alone = changesOf(all, new Map(), { dead: 2, purged: 0 });
    expect([...alone]).toEqual([
      [0, { committed: 15, account: { ...newAccount('t', 10), dead: 2 } }],
    ]);
  });

  it('takes dead letters that are queued again from the partitions that have some', () => {
    const all = new Map([
      [0, owned(15, 20, { dead: 2 })],
      [1, owned(15, 20)],
      [2, owned(15, 20, { dead: 5 })],
    ]);
    const changes = changesOf(all, new Map(), { dead: -4, purged: 0 });
    expect(Array.from(changes, ([partition, { account }]) => [partition, account.dead])).toEqual([
      [0, 0],
      [2, 3],
    ]);
  });

  it('counts nothing where it has no partition', () => {
    expect(changesOf(new Map(), new Map(), { dead: 1, purged: 1 }).size).toBe(0);
  });
});
