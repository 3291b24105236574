import type { Fields } from '../../event/fields.js';
import type { ServerFields } from '../../event/prepare-event.js';
import type { RequestFacts } from '../request-facts.js';
import type { Enriched, EnrichmentStep } from './enrichment-step.js';

const NOTHING: Enriched = {};

type EventStep = EnrichmentStep & Required<Pick<EnrichmentStep, 'ofEvent'>>;

/** Runs the steps and joins what they find. Allocates only where two of them find something. */
export class Enrichment {
  private readonly eventSteps: readonly EventStep[];

  constructor(private readonly steps: readonly EnrichmentStep[]) {
    this.eventSteps = steps.filter((step): step is EventStep => step.ofEvent !== undefined);
  }

  ofRequest(facts: RequestFacts): Enriched {
    let found = NOTHING;
    for (const step of this.steps) {
      const more = step.ofRequest(facts, found);
      if (more !== undefined) {
        found = found === NOTHING ? more : joined(found, more);
      }
    }
    return found;
  }

  /** @returns gives the fields that follow from an event of the request; undefined when no step looks at events */
  ofEvents(request: Enriched): ((event: Readonly<Fields>) => ServerFields) | undefined {
    if (this.eventSteps.length === 0) {
      return undefined;
    }
    return (event) =>
      Object.assign({}, ...this.eventSteps.map((step) => step.ofEvent(event, request)));
  }
}

function joined(found: Enriched, more: Enriched): Enriched {
  return { ...found, ...more, server: { ...found.server, ...more.server } };
}
