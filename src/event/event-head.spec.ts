import { describe, expect, it } from 'vitest';
import { readHead } from './event-head.js';

const HEAD = { eventId: 'order-17', ts: '2026-11-23T10:00:00.250Z', type: 'page view' };
const MEMBERS = { event_id: HEAD.eventId, ts: HEAD.ts, received_at: HEAD.ts, type: HEAD.type };

describe('readHead', () => {
  it('does not parse what comes after it', () => {
    const json = JSON.stringify(MEMBERS).replace(/}$/, ',"props":{broken');
    expect(readHead(Buffer.from(json))).toEqual(HEAD);
  });

  it('finds the members in any order, and not in nested objects', () => {
    const { type, ...others } = MEMBERS;
    const event = { props: { event_id: 'nested', type: 'nested' }, type, ...others };
    expect(readHead(Buffer.from(JSON.stringify(event)))).toEqual(HEAD);
  });

  it.each(['say "hi" \\ and\ttab', 'żółć 👩', 'x'.repeat(10_000), '","type":"forged'])(
    'reads %j wherever it stands',
    (text) => {
      const json = JSON.stringify({ ...MEMBERS, event_id: text, type: text });
      expect(readHead(Buffer.from(json))).toEqual({ ...HEAD, eventId: text, type: text });
    },
  );

  it.each(['{}', 'null', '[]', '{"event_id":7,"type":null}', '{"event_id":""', 'not JSON'])(
    'finds nothing in %s',
    (json) => {
      expect(readHead(Buffer.from(json))).toEqual({
        eventId: undefined,
        ts: undefined,
        type: undefined,
      });
    },
  );
});
