import { describe, expect, it } from 'vitest';
import { listOf } from '../../../test/support/work.js';
import { FieldRules } from '../../event/field-rules.js';
import type { Fields } from '../../event/fields.js';
import { resultOf } from '../../event/work.js';
import { ClientEvent } from '../client-event.js';
import type { Removals } from '../collect/value-places.js';
import { LargeElement } from '../elements.js';
import { eventsOf } from './events-of-messages.js';
import { parseMessages } from './parse-messages.js';

const LIMITS = { maxBatchEvents: 1000, maxEventBytes: 65_536 };
const KEPT: Removals = { sanitizers: [], visitor: false, fieldRules: undefined };
const LONG = 'x'.repeat(200_000);

/** What becomes of a message, alone and in a batch. */
function outcomesOf(message: Fields, removals: Removals): unknown[] {
  return elementsOf(message, removals).flatMap(listOf);
}

/** The same as it is prepared, with pauses. */
function elementsOf(message: Fields, removals: Removals): unknown[][] {
  const texts = [JSON.stringify(message), JSON.stringify({ batch: [message] })];
  return texts.map((text, index) => {
    const messages = resultOf(parseMessages(text, index === 1, LIMITS));
    const bounds = { maxSharedLength: 1e6, ...LIMITS, removals, sentAtMs: undefined };
    return Array.from(eventsOf(messages, index === 1 ? undefined : 'track', bounds));
  });
}

const track = (fields: Fields): Fields => ({ type: 'track', event: 'e', ...fields });

describe('a large message', () => {
  it('is refused before an event is made of it when that would be far too large', () => {
    expect(outcomesOf(track({ properties: { LONG } }), KEPT)).toMatchObject([
      { reason: 'too_large' },
      { reason: 'too_large' },
    ]);
  });

  const fieldRules = new FieldRules({
    dropped: [['props', 'text'], ['integrations']],
    hashed: [['user', 'id']],
    secret: 'secret',
  });
  it.each<[string, Fields, Removals]>([
    ['what is dropped', { properties: { text: LONG } }, { ...KEPT, fieldRules }],
    ['a field that is dropped', { integrations: { text: LONG } }, { ...KEPT, fieldRules }],
    ['what is hashed', { userId: LONG }, { ...KEPT, fieldRules }],
    ['what a visitor is called', { userId: LONG, traits: { LONG } }, { ...KEPT, visitor: true }],
    ['an address that is never stored', { context: { ip: LONG } }, KEPT],
  ])('is judged by the event that it becomes, without %s', (_, fields, removals) => {
    expect(outcomesOf(track(fields), removals)).toEqual([
      expect.any(ClientEvent),
      expect.any(ClientEvent),
    ]);
  });

  it('keeps what an event has for the server alone', () => {
    const filling = 'x'.repeat(70_000);
    const message = track({ server: 'its own', received_at: 'then', properties: { filling } });
    const event = { fields: { props: { server: 'its own', received_at: 'then', filling } } };
    expect(outcomesOf(message, KEPT)).toMatchObject([event, event]);
  });

  it.each([70_000, 100_000])('is prepared in pieces as an event: %i characters', (length) => {
    const elements = elementsOf(track({ properties: { text: 'x'.repeat(length) } }), KEPT).flat();
    const large = elements.filter((element) => element instanceof LargeElement);
    expect(large.map(({ value }) => value)).toEqual([
      expect.any(ClientEvent),
      expect.any(ClientEvent),
    ]);
  });
});
