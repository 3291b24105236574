import { v5 } from 'uuid';
import { describe, expect, it } from 'vitest';
import { columnsOf } from './columns.js';

const UUID = '0198f3a2-7c1e-7abc-8def-0123456789ab';
const TS = '2026-11-23T10:00:00.250Z';
const TS_MS = Date.UTC(2026, 10, 23, 10, 0, 0, 250);

const uuidv5 = (name: string): string => v5(name, v5.URL);

const head = (event: unknown) => columnsOf(Buffer.from(JSON.stringify(event)));

describe('columnsOf', () => {
  it('reads id and time where every stored event begins', () => {
    expect(head({ event_id: UUID, ts: TS, type: 'pageview' })).toEqual({ uuid: UUID, tsMs: TS_MS });
    expect(head({ event_id: UUID, ts: TS })).toEqual({ uuid: UUID, tsMs: TS_MS });
  });

  it('takes a UUID in capitals for the same one', () => {
    expect(head({ event_id: UUID.toUpperCase(), ts: TS }).uuid).toBe(UUID);
  });

  it.each([
    'order-17',
    UUID.replaceAll('-', ''),
    `{${UUID}}`,
    'say "hi" \\ and\ttab',
    'żółć 👩',
    '","ts":"2020-01-01T00:00:00.000Z',
    'x'.repeat(10_000),
  ])('makes a UUID from the id %j, and finds the time after it', (eventId) => {
    expect(head({ event_id: eventId, ts: TS })).toEqual({
      uuid: uuidv5(`gotrack:${eventId}`),
      tsMs: TS_MS,
    });
  });

  it('finds both in any order, and not in nested objects', () => {
    const props = { event_id: 'nested', ts: '2020-01-01T00:00:00.000Z' };
    expect(head({ props, ts: TS, type: 'x', event_id: UUID })).toEqual({ uuid: UUID, tsMs: TS_MS });
  });

  it.each([undefined, null, 17, '', 'yesterday', '2026-02-30T10:00:00Z'])(
    'has no time for the ts %j',
    (ts) => {
      expect(head({ event_id: UUID, ts })).toEqual({ uuid: UUID, tsMs: undefined });
    },
  );

  it.each(['{"type":"x"}', '{"event_id":""}', '{"event_id":7}', 'null', '[]', '{"event_id":"a'])(
    'knows %s, which has no id, by its content',
    (json) => {
      expect(columnsOf(Buffer.from(json))).toEqual({
        uuid: uuidv5(`gotrack:${json}`),
        tsMs: undefined,
      });
    },
  );

  // As Python's uuid.uuid5(uuid.NAMESPACE_URL, …) makes them.
  it.each([
    ['gotrack:order-17', '97e6ce0a-1daa-56f3-871e-e39eaefe983d'],
    ['gotrack:żółć 👩', 'c9ce0cee-4556-5bae-98a0-34be4a6ff4dd'],
    ['', '1b4db7eb-4057-5ddf-91e0-36dec72071f5'],
  ])('makes of %j the UUID that others make', (name, uuid) => {
    expect(uuidv5(name)).toBe(uuid);
    if (name !== '') {
      expect(head({ event_id: name.slice('gotrack:'.length) }).uuid).toBe(uuid);
    }
  });
});
