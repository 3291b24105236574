import { Max, Min } from 'class-validator';
import { integer, oneOf } from '../../config/parsers.js';
import { Setting } from '../../config/setting.js';

export const RECORD_KEYS = ['event_id', 'visitor_id'] as const;
const ACKNOWLEDGEMENTS = ['replicated', 'local'] as const;
const WHEN_AWAY = ['spill', 'refuse'] as const;

export type RecordKey = (typeof RECORD_KEYS)[number];

/** How events come from the local disk to the topic, and what an answer says of it. For QUEUE_DRIVER=kafka. */
export class ForwardOptions {
  static readonly key = 'forward';

  @Setting('QUEUE_KAFKA_KEY', oneOf(...RECORD_KEYS), {
    doc: "What decides about an event's partition: event_id, or visitor_id, with which a visitor's events keep their order.",
  })
  readonly recordKey: RecordKey = 'event_id';

  @Setting('QUEUE_ACK', oneOf(...ACKNOWLEDGEMENTS), {
    doc: "With QUEUE_DRIVER=kafka, what an answer of 2xx means. replicated: the events are in the topic, confirmed with acks all. local: they are synced on this instance's disk, and go to the topic after the answer.",
  })
  readonly ack: (typeof ACKNOWLEDGEMENTS)[number] = 'replicated';

  @Setting('QUEUE_ACK_TIMEOUT_MS', integer, {
    doc: 'How long an answer waits for the topic before QUEUE_WHEN_AWAY decides.',
    unit: 'ms',
  })
  @Min(1)
  @Max(60_000)
  readonly ackTimeoutMs: number = 2000;

  @Setting('QUEUE_WHEN_AWAY', oneOf(...WHEN_AWAY), {
    doc: 'What is answered when the topic does not confirm in time. spill: 2xx, for the events are synced on the local disk; they are counted, and go to the topic when it is back. refuse: 503, and while the topic is known to be away nothing is stored.',
  })
  readonly whenAway: (typeof WHEN_AWAY)[number] = 'spill';

  warnings(): readonly string[] {
    return this.ack === 'local' && this.whenAway === 'refuse'
      ? [
          'QUEUE_WHEN_AWAY=refuse means nothing while QUEUE_ACK is local: no answer waits for the topic',
        ]
      : [];
  }
}
