import type { Registry } from 'prom-client';
import { type MetricSource, registerCollected } from './collected-metric.js';
import { INSTRUMENTS } from './instruments.js';
import type { PlaceStats } from './pipeline-observer.js';
import { add, type Tally, zeros } from './tally.js';

/** The label of events whose country is not known. */
const NO_COUNTRY = 'none';

/** Where events come from; nothing is shown while nobody looks places up. */
export class PlaceTotals implements MetricSource {
  ask: (() => PlaceStats) | undefined;
  /** There are about 250 countries: a series begins with its first event. */
  private readonly countries: Tally = zeros([NO_COUNTRY]);

  count(country = NO_COUNTRY, events: number): void {
    add(this.countries, country, events);
  }

  registerOn(registry: Registry): void {
    const stat = (value: (stats: PlaceStats) => number) => () =>
      this.ask ? [[{}, value(this.ask())] as const] : [];
    registerCollected(registry, INSTRUMENTS.eventsByCountry, () =>
      this.ask ? Array.from(this.countries, ([country, n]) => [{ country }, n] as const) : [],
    );
    registerCollected(
      registry,
      INSTRUMENTS.geoDatabaseBuilt,
      stat(({ builtAt }) => builtAt.getTime() / 1000),
    );
    registerCollected(
      registry,
      INSTRUMENTS.geoDatabaseLastReload,
      stat(({ lastReloadSuccessful }) => Number(lastReloadSuccessful)),
    );
  }
}
