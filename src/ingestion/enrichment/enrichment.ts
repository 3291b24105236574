import type { Fields } from '../../event/fields.js';
import type { ServerFields } from '../../event/prepare-event.js';
import type { DropReason } from '../../event/reasons.js';
import type { PipelineObserver } from '../../metrics/pipeline-observer.js';
import type { RequestFacts } from '../request-facts.js';
import type { Enriched, EnrichmentStep } from './enrichment-step.js';

const NOTHING: Enriched = {};
const FROM_SERVER: Enriched = { isFromServer: true };

type EventStep = EnrichmentStep & Required<Pick<EnrichmentStep, 'ofEvent'>>;

/** Runs the steps and joins what they find; a step that fails adds nothing. Allocates only where two find something. */
export class Enrichment {
  private readonly eventSteps: readonly EventStep[];

  constructor(
    private readonly steps: readonly EnrichmentStep[],
    private readonly observer: Pick<PipelineObserver, 'enrichmentFailed' | 'enrichmentStepsNamed'>,
  ) {
    this.eventSteps = steps.filter((step): step is EventStep => step.ofEvent !== undefined);
    observer.enrichmentStepsNamed(steps.map(({ name }) => name));
  }

  ofRequest(facts: RequestFacts): Enriched {
    let found = facts.isFromServer ? FROM_SERVER : NOTHING;
    for (const step of this.steps) {
      try {
        const more = step.ofRequest(facts, found);
        if (more !== undefined) {
          found = found === NOTHING ? more : joined(found, more);
        }
      } catch {
        this.observer.enrichmentFailed(step.name);
      }
    }
    return found;
  }

  /** @returns gives the fields that follow from an event of the request; undefined when no step looks at events */
  ofEvents(request: Enriched): ((event: Readonly<Fields>) => ServerFields) | undefined {
    return this.eventSteps.length === 0 ? undefined : (event) => this.ofEvent(event, request);
  }

  /** @param server of an event that a server sent */
  dropOf(server: ServerFields): DropReason | undefined {
    for (const step of this.steps) {
      const drop = step.dropOf?.(server);
      if (drop !== undefined) {
        return drop;
      }
    }
    return undefined;
  }

  private ofEvent(event: Readonly<Fields>, request: Enriched): ServerFields {
    let fields: ServerFields = NOTHING as ServerFields;
    for (const step of this.eventSteps) {
      try {
        const more = step.ofEvent(event, request);
        if (more !== undefined) {
          fields = fields === NOTHING ? more : { ...fields, ...more };
        }
      } catch {
        this.observer.enrichmentFailed(step.name);
      }
    }
    return fields;
  }
}

function joined(found: Enriched, more: Enriched): Enriched {
  return { ...found, ...more, server: { ...found.server, ...more.server } };
}
