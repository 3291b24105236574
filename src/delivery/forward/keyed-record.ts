import { readHead } from '../../event/event-head.js';
import type { EncodedEvent, StoredEvent } from '../../event/stored-event.js';
import type { KafkaRecord } from '../../kafka/unconfirmed-batch.js';
import type { RecordKey } from './forward.options.js';

/** What of an event decides about its partition. An event without a visitor goes by its id. */
export function keyedRecord(key: RecordKey): (event: StoredEvent) => KafkaRecord {
  const keyOf = key === 'visitor_id' ? visitorOrId : idOf;
  return ({ json }) => {
    const text = keyOf(json);
    return {
      key: text === undefined ? undefined : Buffer.from(text),
      value: json,
      headers: new Map(),
    };
  };
}

function idOf(json: EncodedEvent): string | undefined {
  return readHead(json).eventId;
}

function visitorOrId(json: EncodedEvent): string | undefined {
  const { session } = JSON.parse(json.toString()) as { session?: { visitor_id?: string } };
  return session?.visitor_id ?? idOf(json);
}
