import { describe, expect, it } from 'vitest';
import { RecordingObserver } from '../../../test/support/fakes/recording-observer.js';
import type { Fields } from '../../event/fields.js';
import type { RequestFacts } from '../request-facts.js';
import { Enrichment } from './enrichment.js';
import { type Enriched, EnrichmentStep } from './enrichment-step.js';

const facts: RequestFacts = {
  receivedAtMs: 0,
  headers: { dnt: '1' },
  query: '',
  address: '192.0.2.7',
};

/** Finds the same for each request, and keeps what it was given. */
class FixedStep extends EnrichmentStep {
  override readonly name: string = 'fixed';
  readonly seen: unknown[] = [];

  constructor(private readonly found: Enriched | undefined) {
    super();
  }

  override ofRequest(request: RequestFacts, before: Enriched): Enriched | undefined {
    this.seen.push([request, before]);
    return this.found;
  }
}

class EventStep extends FixedStep {
  override ofEvent({ type }: Fields, { server }: Enriched): Fields {
    return { channel: `${String(type)} of ${String(server?.['ip'])}` };
  }
}

class FailingStep extends EnrichmentStep {
  override readonly name = 'failing';

  override ofRequest(): never {
    throw new Error('no');
  }

  override ofEvent(): never {
    throw new Error('no');
  }
}

function enrichmentOf(steps: readonly EnrichmentStep[]) {
  const observer = new RecordingObserver();
  return Object.assign(new Enrichment(steps, observer), { told: observer });
}

describe('Enrichment', () => {
  it('finds nothing without steps', () => {
    const enrichment = enrichmentOf([]);
    expect(enrichment.ofRequest(facts)).toEqual({});
    expect(enrichment.ofEvents({})).toBeUndefined();
  });

  it('joins what the steps find, and shows each what was found before', () => {
    const steps = [
      new FixedStep({ anonymous: true, server: { ip: 'a' } }),
      new FixedStep(undefined),
      new FixedStep({ drop: 'privacy_signal', server: { bot: 'b' } }),
      new FixedStep({ server: { geo: 'c' } }),
    ];
    expect(enrichmentOf(steps).ofRequest(facts)).toEqual({
      anonymous: true,
      drop: 'privacy_signal',
      server: { ip: 'a', bot: 'b', geo: 'c' },
    });
    const first = { anonymous: true, server: { ip: 'a' } };
    expect(steps.map(({ seen }) => seen)).toEqual([
      [[facts, {}]],
      [[facts, first]],
      [[facts, first]],
      [[facts, { ...first, drop: 'privacy_signal', server: { ip: 'a', bot: 'b' } }]],
    ]);
  });

  it('changes nothing that a step has given', () => {
    const found = Object.freeze({ server: Object.freeze({ ip: 'a' }) });
    const enrichment = enrichmentOf([new FixedStep(found), new FixedStep({ server: { b: 1 } })]);
    enrichment.ofRequest(facts);
    expect(enrichment.ofRequest(facts)).toEqual({ server: { ip: 'a', b: 1 } });
  });

  it('asks the steps that look at events for the fields of each', () => {
    const enrichment = enrichmentOf([new FixedStep({ server: { ip: 'a' } }), new EventStep({})]);
    const fieldsOf = enrichment.ofEvents(enrichment.ofRequest(facts));
    expect([fieldsOf?.({ type: 'x' }), fieldsOf?.({ type: 'y' })]).toEqual([
      { channel: 'x of a' },
      { channel: 'y of a' },
    ]);
  });

  it('leaves out what a step that fails would add, and counts the error', () => {
    const enrichment = enrichmentOf([
      new FixedStep({ server: { ip: 'a' } }),
      new FailingStep(),
      new EventStep({ server: { b: 1 } }),
    ]);
    const request = enrichment.ofRequest(facts);
    expect(request).toEqual({ server: { ip: 'a', b: 1 } });
    expect(enrichment.ofEvents(request)?.({ type: 'x' })).toEqual({ channel: 'x of a' });
    expect(enrichment.told.facts).toEqual([
      { fact: 'enrichmentStepsNamed', args: [['fixed', 'failing', 'fixed']] },
      { fact: 'enrichmentFailed', args: ['failing'] },
      { fact: 'enrichmentFailed', args: ['failing'] },
    ]);
  });

  it('tells the steps that a server sent it', () => {
    const step = new FixedStep({ server: { a: 1 } });
    const enrichment = enrichmentOf([step]);
    expect(enrichment.ofRequest({ ...facts, isFromServer: true })).toEqual({
      isFromServer: true,
      server: { a: 1 },
    });
    expect(step.seen).toEqual([[{ ...facts, isFromServer: true }, { isFromServer: true }]]);
  });
});
