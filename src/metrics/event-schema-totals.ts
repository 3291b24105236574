import type { Registry } from 'prom-client';
import { type MetricSource, registerCollected } from './collected-metric.js';
import { INSTRUMENTS } from './instruments.js';
import type { EventSchemaStats } from './pipeline-observer.js';
import { add, type Tally } from './tally.js';

/** What events are not as their schemas ask for; nothing is shown while no schema is in use. */
export class EventSchemaTotals implements MetricSource {
  ask: (() => EventSchemaStats) | undefined;
  private readonly violations: Tally = new Map();

  count(type: string, events: number): void {
    add(this.violations, type, events);
  }

  registerOn(registry: Registry): void {
    registerCollected(registry, INSTRUMENTS.eventSchemaViolations, () => {
      // Those of schemas that are gone stay.
      this.ask?.().types.forEach((type) => this.count(type, 0));
      return Array.from(this.violations, ([type, n]) => [{ type }, n] as const);
    });
    registerCollected(registry, INSTRUMENTS.eventSchemasLastReload, () =>
      this.ask ? [[{}, Number(this.ask().lastReloadSuccessful)]] : [],
    );
  }
}
