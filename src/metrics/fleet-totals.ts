import type { Registry } from 'prom-client';
import { BoundedAnswer } from './bounded-answer.js';
import { type MetricSource, registerCollected } from './collected-metric.js';
import { INSTRUMENTS } from './instruments.js';
import { ledgerSamples } from './ledger-samples.js';
import type { FleetQuestions, FleetStats } from './pipeline-observer.js';

/** What all instances together have made of the events; nothing is shown for an instance that shares its queue with none. */
export class FleetTotals implements MetricSource {
  private questions: FleetQuestions | undefined;
  private answer: BoundedAnswer<FleetStats> | undefined;

  open(questions: FleetQuestions): void {
    this.questions = questions;
    this.answer = new BoundedAnswer(
      questions.status,
      'Kafka does not answer how far the sinks are; the series of the whole fleet are left out until it does',
    );
  }

  registerOn(registry: Registry): void {
    const once = (value: (stats: FleetStats) => number | undefined) => async () => {
      const stats = await this.answer?.get();
      const number = stats && value(stats);
      return number === undefined ? [] : [[{}, number] as const];
    };
    registerCollected(registry, INSTRUMENTS.fleetEvents, async () =>
      ((await this.answer?.get())?.sinks ?? [])
        .flatMap(ledgerSamples)
        .map(([{ sink, state }, events]) => [{ sink, state: nameOf(state) }, events]),
    );
    registerCollected(registry, INSTRUMENTS.fleetOldestEventAge, async () =>
      ((await this.answer?.get())?.sinks ?? []).map(
        ({ sink, oldestEventAgeSeconds }) => [{ sink }, oldestEventAgeSeconds] as const,
      ),
    );
    registerCollected(
      registry,
      INSTRUMENTS.queuePartitions,
      once(({ partitions }) => partitions),
    );
    registerCollected(
      registry,
      INSTRUMENTS.queueRetention,
      once(({ retentionSeconds }) => retentionSeconds),
    );
    registerCollected(registry, INSTRUMENTS.queuePartitionsOwned, () =>
      Array.from(this.questions?.owned() ?? [], ([sink, owned]) => [{ sink }, owned] as const),
    );
  }
}

/** A record of the topic is not damaged: where one is missing, or holds no event, it is skipped. */
function nameOf(state: string): string {
  return state === 'corrupt' ? 'skipped' : state;
}
