import type { StoredEvent } from '../../event/stored-event.js';
import type { KafkaRecord } from '../../kafka/unconfirmed-batch.js';
import { readHead } from '../../event/event-head.js';

const EVENT_TYPE = Buffer.from('event_type');
const SCHEMA = Buffer.from('schema');
const V1 = Buffer.from('v1');

/** Its id is the key, so that all of a topic's consumers find an event and its repetition in one partition. */
export function toRecord({ json }: StoredEvent): KafkaRecord {
  const { eventId, type } = readHead(json);
  const headers = new Map([[SCHEMA, V1]]);
  if (type !== undefined) {
    headers.set(EVENT_TYPE, Buffer.from(type));
  }
  return { key: eventId === undefined ? undefined : Buffer.from(eventId), value: json, headers };
}
