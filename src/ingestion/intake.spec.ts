import { beforeEach, describe, expect, it } from 'vitest';
import { RecordingObserver } from '../../test/support/fakes/recording-observer.js';
import type { Fields } from '../event/fields.js';
import type { Rejection } from '../event/rejection.js';
import type { EncodedEvent } from '../event/stored-event.js';
import { EventQueue, QueueFullError } from '../queueing/event-queue.js';
import { Enrichment } from './enrichment/enrichment.js';
import { AdmissionOptions } from './admission/admission.options.js';
import { IngestionOptions } from './ingestion.options.js';
import { Intake } from './intake.js';
import { Preparation } from './preparation.js';
import type { RejectedRing } from './rejected/rejected-ring.js';

class FullQueue extends EventQueue {
  override readonly state = 'accepting';
  override readonly failure = undefined;
  override readonly overloaded = false;
  readonly offered: string[][] = [];

  constructor(private refusals: number) {
    super();
  }

  override append(events: readonly EncodedEvent[]): Promise<void> {
    this.offered.push(events.map(String));
    this.refusals -= 1;
    return this.refusals >= 0 ? Promise.reject(new QueueFullError()) : Promise.resolve();
  }
}

const kept: readonly Fields[] = [
  { type: 'a', received_at: '2026-11-23T10:00:00.000Z', server: { ip: '192.0.2.0' } },
  { type: 7 },
];

describe('a replay of rejected events', () => {
  let observer: RecordingObserver;
  let ring: Rejection[];

  beforeEach(() => {
    observer = new RecordingObserver();
    ring = [];
  });

  function intake(queue: EventQueue): Intake {
    return new Intake(
      new Preparation(
        new IngestionOptions(),
        new AdmissionOptions(),
        new Enrichment([]),
        undefined,
      ),
      queue,
      {
        keep: (rejections: readonly Rejection[]) => ring.push(...rejections),
      } as unknown as RejectedRing,
      observer,
    );
  }

  it('stores what is valid with its own time and server fields, and keeps the rest', async () => {
    const queue = new FullQueue(0);
    expect(await intake(queue).replay(kept, new AbortController().signal)).toBe(1);
    expect(queue.offered.flat().map((json) => JSON.parse(json) as Fields)).toEqual([
      {
        ...kept[0],
        event_id: expect.any(String),
        ts: '2026-11-23T10:00:00.000Z',
      },
    ]);
    expect(ring.map(({ reason }) => reason)).toEqual(['schema']);
    expect(observer.facts).toEqual([{ fact: 'rejectedReplayed', args: [1] }]);
  });

  it('offers the same bytes again until the queue takes them', async () => {
    const queue = new FullQueue(1);
    expect(await intake(queue).replay(kept, new AbortController().signal)).toBe(1);
    expect(queue.offered).toHaveLength(2);
    expect(queue.offered[1]).toEqual(queue.offered[0]);
  });

  it('changes nothing when it is stopped before that', async () => {
    const stopping = new AbortController();
    const replay = intake(new FullQueue(Number.MAX_SAFE_INTEGER)).replay(kept, stopping.signal);
    stopping.abort();
    await expect(replay).rejects.toThrow(/abort/);
    expect(ring).toEqual([]);
    expect(observer.facts).toEqual([]);
  });
});
