import { describe, expect, it } from 'vitest';
import type { Batch } from '../event-queue.js';
import { type Arrival, Backlog } from './backlog.js';

const ALL = { maxEvents: 500, maxBytes: 1_000_000, lingerMs: 0 };

function records(partition: number, offset: number, ...texts: (string | undefined)[]): Arrival {
  const events = texts.map((text) => (text === undefined ? undefined : Buffer.from(text)));
  return { partition, offset, length: texts.length, events, kind: 'records', timestampMs: 1000 };
}

function without(
  kind: 'gap' | 'expired',
  partition: number,
  offset: number,
  length: number,
): Arrival {
  return { partition, offset, length, events: [], kind, timestampMs: undefined };
}

const textsOf = ({ events }: Batch): string[] => events.map(({ json }) => json.toString());
const advances = (backlog: Backlog, position: number): unknown => [...backlog.advancesTo(position)];

describe('Backlog', () => {
  it('hands out what has arrived, in that order, within the bounds', () => {
    const backlog = new Backlog();
    backlog.add(records(0, 10, 'a', 'b'));
    backlog.add(records(1, 70, 'c', 'd'));
    expect(textsOf(backlog.take({ ...ALL, maxEvents: 3 }))).toEqual(['a', 'b', 'c']);
    expect([backlog.unreadEvents, backlog.unreadBytes]).toEqual([1, 1]);
    expect(textsOf(backlog.take(ALL))).toEqual(['d']);
    expect(backlog.hasUnread).toBe(false);
  });

  it('knows which offset of which partition a position stands for', () => {
    const backlog = new Backlog();
    backlog.add(records(0, 10, 'a', 'b'));
    backlog.add(records(1, 70, 'c', 'd'));
    backlog.add(records(0, 12, 'e'));
    const { end } = backlog.take(ALL);
    expect(end).toBe(5);
    expect(advances(backlog, 3)).toEqual([
      [0, { offset: 12, skipped: 0, expired: 0 }],
      [1, { offset: 71, skipped: 0, expired: 0 }],
    ]);
    backlog.committed(3);
    expect(advances(backlog, 5)).toEqual([
      [1, { offset: 72, skipped: 0, expired: 0 }],
      [0, { offset: 13, skipped: 0, expired: 0 }],
    ]);
    expect(advances(backlog, 3)).toEqual([]);
  });

  it('settles no more than it has handed out', () => {
    const backlog = new Backlog();
    backlog.add(records(0, 0, 'a', 'b'));
    backlog.take({ ...ALL, maxEvents: 1 });
    expect(advances(backlog, 99)).toEqual([[0, { offset: 1, skipped: 0, expired: 0 }]]);
  });

  it('counts records that hold no event, gaps of the log, and what retention has deleted', () => {
    const backlog = new Backlog();
    backlog.add(records(0, 0, 'a', undefined, 'b'));
    backlog.add(without('gap', 0, 3, 4));
    backlog.add(without('expired', 1, 0, 1000));
    const batch = backlog.take(ALL);
    expect(textsOf(batch)).toEqual(['a', 'b']);
    expect(advances(backlog, batch.end)).toEqual([
      [0, { offset: 7, skipped: 5, expired: 0 }],
      [1, { offset: 1000, skipped: 0, expired: 1000 }],
    ]);
    backlog.committed(1);
    expect(advances(backlog, 3)).toEqual([[0, { offset: 3, skipped: 1, expired: 0 }]]);
  });

  it('hands out a batch without events when nothing but these has arrived', () => {
    const backlog = new Backlog();
    backlog.add(without('expired', 1, 0, 10));
    expect(backlog.hasUnread).toBe(true);
    expect(backlog.take(ALL)).toEqual({ events: [], end: 10 });
    expect(backlog.hasUnread).toBe(false);
  });

  it('says what is in hand, until it is committed', () => {
    const backlog = new Backlog();
    backlog.add(records(0, 0, 'a', 'b'));
    backlog.add(records(1, 0, 'c'));
    expect([...backlog.inHand]).toEqual([]);
    backlog.take({ ...ALL, maxEvents: 1 });
    expect([...backlog.inHand]).toEqual([0]);
    backlog.committed(1);
    expect([...backlog.inHand]).toEqual([]);
    backlog.take(ALL);
    expect([...backlog.inHand]).toEqual([0, 1]);
  });

  it('drops what waits of a partition, and uses no position again', () => {
    const backlog = new Backlog();
    backlog.add(records(0, 0, 'a', 'b'));
    backlog.add(records(1, 0, 'c'));
    backlog.take({ ...ALL, maxEvents: 1 });
    backlog.committed(1);
    backlog.drop(new Set([0]));
    backlog.add(records(1, 1, 'd'));
    expect(backlog.unreadEvents).toBe(2);
    const batch = backlog.take(ALL);
    expect(batch.events.map(({ position }) => position)).toEqual([2, 3]);
    expect(advances(backlog, batch.end)).toEqual([[1, { offset: 2, skipped: 0, expired: 0 }]]);
  });

  it('forgets everything, and hands out what arrives later at later positions', () => {
    const backlog = new Backlog();
    backlog.add(records(0, 0, 'a', 'b'));
    backlog.take({ ...ALL, maxEvents: 1 });
    backlog.reset();
    expect([backlog.unreadEvents, backlog.hasUnread, backlog.inHand.size]).toEqual([0, false, 0]);
    backlog.add(records(0, 0, 'a'));
    expect(backlog.take(ALL).events[0]?.position).toBe(2);
  });

  it('shows what comes next, and moves nothing', () => {
    const backlog = new Backlog();
    backlog.add(records(0, 0, 'a', 'b', 'c'));
    backlog.take({ ...ALL, maxEvents: 1 });
    expect(textsOf(backlog.peek(0, ALL))).toEqual(['a', 'b', 'c']);
    expect(textsOf(backlog.peek(1, { ...ALL, maxEvents: 1 }))).toEqual(['b']);
    expect(backlog.peek(3, ALL)).toEqual({ events: [], end: 3 });
    backlog.committed(1);
    expect(textsOf(backlog.peek(0, ALL))).toEqual(['b', 'c']);
    expect(textsOf(backlog.take(ALL))).toEqual(['b', 'c']);
  });

  it('keeps a bounded part of what was handed out and is not committed', () => {
    const backlog = new Backlog();
    const big = 'x'.repeat(1024 * 1024);
    for (let offset = 0; offset < 20; offset += 1) {
      backlog.add(records(0, offset, big));
      backlog.take(ALL);
    }
    const { events, end } = backlog.peek(0, { ...ALL, maxBytes: Infinity });
    expect(events.length).toBeLessThanOrEqual(9);
    expect(events.at(-1)?.position).toBe(19);
    expect(end).toBe(20);
    expect(advances(backlog, 20)).toEqual([[0, { offset: 20, skipped: 0, expired: 0 }]]);
  });

  it('knows the time of the oldest record that is not committed', () => {
    const backlog = new Backlog();
    expect(backlog.oldestMs).toBeUndefined();
    backlog.add({ ...records(0, 0, 'a'), timestampMs: 2000 });
    backlog.add({ ...records(1, 0, 'b'), timestampMs: 1500 });
    expect(backlog.oldestMs).toBe(1500);
    backlog.take(ALL);
    backlog.committed(2);
    expect(backlog.oldestMs).toBeUndefined();
  });
});
