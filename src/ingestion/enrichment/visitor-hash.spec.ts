import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { IngestionOptions } from '../ingestion.options.js';
import type { RequestFacts } from '../request-facts.js';
import { DailySalt } from './daily-salt.js';
import { VisitorHash } from './visitor-hash.js';

const noon = Date.UTC(2026, 10, 23, 12);
const DAY_MS = 86_400_000;
const facts: RequestFacts = {
  receivedAtMs: noon,
  address: '192.0.2.77',
  headers: { 'user-agent': 'Mozilla/5.0' },
  query: '',
};

function stepOf(visitorHash: boolean | 'shared', hashSecret?: string, clock = () => noon) {
  const options = Object.assign(new IngestionOptions(), { visitorHash, hashSecret });
  const step = new VisitorHash(options, new DailySalt(clock));
  return (change: Partial<RequestFacts> = {}, anonymous = false): unknown =>
    step.ofRequest({ ...facts, ...change }, anonymous ? { anonymous } : {})?.server?.[
      'visitor_hash'
    ];
}

describe('VisitorHash', () => {
  it('adds nothing unless it is asked to', () => {
    expect(stepOf(false)()).toBeUndefined();
  });

  describe.each([
    ['true', () => stepOf(true)],
    ['shared', () => stepOf('shared', 'pepper')],
  ])('%s', (_setting, create) => {
    it('tells visitors apart by address, User-Agent and source', () => {
      const hash = create();
      const changes: Partial<RequestFacts>[] = [
        {},
        { address: '192.0.2.78' },
        { headers: { 'user-agent': 'Mozilla/6.0' } },
        { headers: {} },
        { source: 'shop' },
      ];
      const hashes = changes.map((change) => hash(change));
      expect(hashes.every((each) => /^[\da-f]{64}$/.test(String(each)))).toBe(true);
      expect(new Set(hashes).size).toBe(changes.length);
      expect(changes.map((change) => hash(change))).toEqual(hashes);
    });

    it('stays right for more visitors than are remembered, and for long ones', () => {
      const hash = create();
      const first = hash();
      const long = { headers: { 'user-agent': 'x'.repeat(5000) } };
      const ofLong = hash(long);
      expect(ofLong).not.toBe(first);
      const others = Array.from({ length: 10_000 }, (__, n) =>
        hash({ address: `10.0.${n >> 8}.${n & 255}` }),
      );
      expect(new Set(others).size).toBe(others.length);
      expect([hash(), hash(long)]).toEqual([first, ofLong]);
    });

    it('takes the hosts of an IPv6 /64 for one client', () => {
      const hash = create();
      const first = hash({ address: '2001:db8:1:2::3' });
      expect(hash({ address: '2001:db8:1:2:ffff::4' })).toBe(first);
      expect(hash({ address: '2001:db8:1:3::3' })).not.toBe(first);
    });

    it('leaves out who asks not to be tracked, and who has no address', () => {
      const hash = create();
      expect(hash({}, true)).toBeUndefined();
      expect(hash({ address: undefined })).toBeUndefined();
    });
  });

  it('shared is made from the secret and the date alone', () => {
    const hash = stepOf('shared', 'pepper');
    const key = createHmac('sha256', 'pepper').update('visitor-hash:2026-11-23').digest();
    const expected = createHmac('sha256', key).update('192.0.2.77\nMozilla/5.0\nshop');
    expect(hash({ source: 'shop' })).toBe(expected.digest('hex'));
    expect(stepOf('shared', 'pepper')()).toBe(hash());
    expect(stepOf('shared', 'salt')()).not.toBe(hash());
    expect(hash({ receivedAtMs: noon + DAY_MS / 2 - 1 })).toBe(hash());
    expect(hash({ receivedAtMs: noon + DAY_MS / 2 })).not.toBe(hash());
    expect(hash()).toBe(stepOf('shared', 'pepper')());
  });

  it('true is of this instance and this day, and no secret leads to it', () => {
    let now = noon;
    const hash = stepOf(true, 'pepper', () => now);
    const first = hash();
    expect(first).not.toBe(stepOf('shared', 'pepper')());
    expect(stepOf(true, 'pepper')()).not.toBe(first);
    now += DAY_MS / 2;
    expect(hash()).not.toBe(first);
    // What is remembered of a day goes with its salt.
    now -= DAY_MS / 2;
    expect(hash()).not.toBe(first);
  });
});
