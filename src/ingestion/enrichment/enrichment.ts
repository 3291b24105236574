import type { Fields } from '../../event/fields.js';
import type { ServerFields } from '../../event/prepare-event.js';
import type { DropReason } from '../../event/reasons.js';
import type { PipelineObserver } from '../../metrics/pipeline-observer.js';
import type { RequestFacts } from '../request-facts.js';
import type { Enriched, EnrichmentStep } from './enrichment-step.js';

const NOTHING: Enriched = {};
const NO_FIELDS: ServerFields = {};
const FROM_SERVER: Enriched = { isFromServer: true };

type EventStep = EnrichmentStep & Required<Pick<EnrichmentStep, 'ofEvent'>>;

/** Runs the steps and joins what they find; a step that fails adds nothing. Makes a new object only where something is new. */
export class Enrichment {
  private readonly steps: readonly EnrichmentStep[];
  private readonly eventSteps: readonly EventStep[];

  constructor(
    steps: readonly EnrichmentStep[],
    private readonly observer: Pick<PipelineObserver, 'enrichmentFailed' | 'enrichmentStepsNamed'>,
  ) {
    this.steps = steps.filter(({ isOn }) => isOn);
    this.eventSteps = this.steps.filter((step): step is EventStep => step.ofEvent !== undefined);
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
    if (this.eventSteps.length === 0) {
      return undefined;
    }
    const found: (ServerFields | undefined)[] = [];
    // The same for all requests: what is joined with it is known already.
    let joinedFields = NO_FIELDS;
    return (event) => {
      let isSame = true;
      let index = 0;
      for (const step of this.eventSteps) {
        const more = this.ofEvent(step, event, request);
        isSame &&= more === found[index];
        found[index] = more;
        index += 1;
      }
      joinedFields = isSame ? joinedFields : Object.assign({}, ...found);
      return joinedFields;
    };
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

  private ofEvent(
    step: EventStep,
    event: Readonly<Fields>,
    request: Enriched,
  ): ServerFields | undefined {
    try {
      return step.ofEvent(event, request);
    } catch {
      this.observer.enrichmentFailed(step.name);
      return undefined;
    }
  }
}

function joined(found: Enriched, more: Enriched): Enriched {
  return { ...found, ...more, server: { ...found.server, ...more.server } };
}
