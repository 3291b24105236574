import { describe, expect, it } from 'vitest';
import { keyedRecord } from './keyed-record.js';

const stored = (event: object) => ({ position: 0, json: Buffer.from(JSON.stringify(event)) });
const EVENT = { event_id: 'e1', ts: 't', received_at: 'r', type: 'page_view' };

describe('the key of an event', () => {
  it('is its id', () => {
    const event = stored(EVENT);
    const { key, value, headers } = keyedRecord('event_id')(event);
    expect(key?.toString()).toBe('e1');
    expect(value).toBe(event.json);
    expect(headers.size).toBe(0);
  });

  it('is its visitor when that is asked for', () => {
    const record = keyedRecord('visitor_id')(stored({ ...EVENT, session: { visitor_id: 'v1' } }));
    expect(record.key?.toString()).toBe('v1');
  });

  it.each([{}, { session: {} }, { session: { session_id: 's' } }])(
    'is its id when it has no visitor: %j',
    (rest) => {
      expect(keyedRecord('visitor_id')(stored({ ...EVENT, ...rest })).key?.toString()).toBe('e1');
    },
  );
});
