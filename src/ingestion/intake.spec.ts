import { beforeEach, describe, expect, it } from 'vitest';
import { RecordingObserver } from '../../test/support/fakes/recording-observer.js';
import type { Fields } from '../event/fields.js';
import type { EncodedEvent } from '../event/stored-event.js';
import type { HttpError } from '../http/errors.js';
import { EventQueue, QueueFullError } from '../queueing/event-queue.js';
import { ParsingTurns } from './body/parsing-turns.js';
import { Enrichment } from './enrichment/enrichment.js';
import { AdmissionOptions } from './admission/admission.options.js';
import { IngestionOptions } from './ingestion.options.js';
import { Intake } from './intake.js';
import { Preparation } from './preparation.js';
import { Rejections } from './rejected/rejections.js';
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

/** Confirms nothing until it is released. */
class HeldQueue extends EventQueue {
  override readonly state = 'accepting';
  override readonly failure = undefined;
  override readonly overloaded = false;
  private readonly released = Promise.withResolvers<void>();

  override append(): Promise<void> {
    return this.released.promise;
  }

  release(): void {
    this.released.resolve();
  }
}

const kept: readonly Fields[] = [
  { type: 'a', received_at: '2026-11-23T10:00:00.000Z', server: { ip: '192.0.2.0' } },
  { type: 7 },
];

describe('requests that wait for the queue', () => {
  /** About a MiB for the client, and one in the ring. */
  function mebibyteOfRejections(): Rejections {
    const rejections = new Rejections();
    const text = 'x'.repeat(512 * 1024);
    for (const index of [1, 2]) {
      rejections.add(index, { reason: 'schema', errors: [text], event: undefined });
    }
    return rejections;
  }

  it('hold bytes up to a bound: the kept lines give way first, then a request is turned away', async () => {
    const observer = new RecordingObserver();
    const lines: Buffer[] = [];
    let discarded = 0;
    const ring = {
      keep: (more: readonly Buffer[]) => lines.push(...more),
      discarded: (count: number) => {
        discarded += count;
      },
    } as unknown as RejectedRing;
    const queue = new HeldQueue();
    const preparation = new Preparation(
      new IngestionOptions(),
      new AdmissionOptions(),
      new Enrichment([]),
      undefined,
    );
    const intake = new Intake(new ParsingTurns(), preparation, queue, ring, observer);
    const taken = Array.from({ length: 100 }, () =>
      intake
        .take('/collect', {
          events: [Buffer.from('{}')],
          rejections: mebibyteOfRejections(),
          drop: undefined,
          dropped: new Map(),
          warnings: [],
          source: undefined,
        })
        .then(
          ({ accepted }) => `accepted ${accepted}`,
          (error: HttpError) => error.code,
        ),
    );
    queue.release();
    const outcomes = await Promise.all(taken);
    const accepted = outcomes.filter((outcome) => outcome === 'accepted 1').length;
    expect(accepted).toBeGreaterThan(40);
    expect(accepted).toBeLessThan(64);
    expect(outcomes.filter((outcome) => outcome === 'GT_QUEUE_FULL')).toHaveLength(100 - accepted);
    expect(discarded).toBeGreaterThan(150);
    expect(Buffer.concat(lines).length).toBeLessThan(17 * 1024 * 1024);
    const counted = (fact: string): number =>
      observer.facts
        .filter((one) => one.fact === fact)
        .reduce(
          (sum, { args }) => sum + Number(args.findLast((arg) => typeof arg === 'number')),
          0,
        );
    expect(counted('eventsReceived')).toBe(300);
    expect(counted('eventsRejected')).toBe(200);
    expect(counted('eventsAccepted')).toBe(accepted);
    expect(counted('eventsRefused')).toBe(100 - accepted);

    const later = intake.take('/collect', {
      events: [Buffer.from('{}')],
      rejections: mebibyteOfRejections(),
      drop: undefined,
      dropped: new Map(),
      warnings: [],
      source: undefined,
    });
    expect(await later).toMatchObject({ accepted: 1 });
  });
});

describe('a replay of rejected events', () => {
  let observer: RecordingObserver;
  let ring: { readonly reason: string }[];

  beforeEach(() => {
    observer = new RecordingObserver();
    ring = [];
  });

  function intake(queue: EventQueue): Intake {
    return new Intake(
      new ParsingTurns(),
      new Preparation(
        new IngestionOptions(),
        new AdmissionOptions(),
        new Enrichment([]),
        undefined,
      ),
      queue,
      {
        keep: (lines: readonly Buffer[]) =>
          ring.push(...lines.map((line) => JSON.parse(line.toString()) as { reason: string })),
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
