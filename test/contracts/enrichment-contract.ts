import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Fields } from '../../src/event/fields.js';
import type { Enriched, EnrichmentStep } from '../../src/ingestion/enrichment/enrichment-step.js';
import type { RequestFacts } from '../../src/ingestion/request-facts.js';
import { BOTS, BROWSERS } from '../fixtures/user-agents.js';

export interface EnrichmentHarness {
  /** Another instance at each call. */
  createStep(): EnrichmentStep;
  /** It adds something to at least one of these. */
  readonly adds: readonly {
    readonly facts?: Partial<RequestFacts>;
    readonly event?: Fields;
    readonly request?: Enriched;
  }[];
}

/** Bytes of JSON that a step may add to an event, whatever a client sends. */
const MAX_ADDED = 1024;

/** What a step may know of an event besides what is found: nothing that is a member of `Enriched` is missing here. */
const MEMBERS = new Set(['server', 'anonymous', 'drop', 'isFromServer']);

const address = fc.oneof(
  fc.ipV4(),
  fc.tuple(fc.ipV4(), fc.nat(255)).map(([ip]) => ip),
  fc
    .array(fc.integer({ min: 0x1000, max: 0xffff }), { minLength: 8, maxLength: 8 })
    .map((groups) => groups.map((group) => group.toString(16)).join(':')),
  fc.constant(undefined),
);

const headerText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom('1', '?1', '"Windows"', '"13.0.0"', 'prefetch;prerender', 'a@b.example'),
  fc.constantFrom(...BROWSERS.map(([userAgent]) => userAgent)),
  fc.constantFrom(...BOTS.map(([userAgent]) => userAgent)),
  fc.constantFrom('"Google Chrome";v="140", "Not=A?Brand";v="24"', '"\\"";v="', '('.repeat(4000)),
  fc.string({ maxLength: 8 }).map((unit) => unit.repeat(2000)),
);

const headers = fc.dictionary(
  fc.constantFrom(
    'user-agent',
    'sec-ch-ua',
    'sec-ch-ua-mobile',
    'sec-ch-ua-platform',
    'sec-ch-ua-form-factors',
    'sec-ch-ua-platform-version',
    'sec-ch-ua-full-version-list',
    'sec-fetch-site',
    'from',
    'signature-agent',
    'sec-purpose',
    'purpose',
    'x-moz',
    'dnt',
    'sec-gpc',
    'referer',
    'x-any',
  ),
  fc.oneof(headerText, fc.array(headerText, { maxLength: 3 })),
);

const facts: fc.Arbitrary<RequestFacts> = fc.record(
  {
    receivedAtMs: fc.integer({ min: 0, max: 4e12 }),
    headers,
    query: fc.webQueryParameters(),
    address,
    source: fc.string(),
    isFromServer: fc.boolean(),
  },
  { requiredKeys: ['receivedAtMs', 'headers', 'query', 'address'] },
);

const value = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.webUrl(),
  fc.constantFrom('shop.example', 'https://www.google.com/', 'https://[::1', 'HTTP://A', '//x'),
  fc.string({ maxLength: 4 }).map((unit) => unit.repeat(5000)),
  fc.jsonValue(),
);
const fieldsOf = (...names: string[]) =>
  fc.oneof(fc.dictionary(fc.constantFrom(...names), value), value);
const event: fc.Arbitrary<Fields> = fc.record(
  {
    type: value,
    url: fc.oneof(
      fc.record(
        {
          utm: fieldsOf('source', 'medium', 'campaign'),
          google: fieldsOf('gclid', 'wbraid'),
          meta: fieldsOf('fbclid'),
          referrer: value,
          referrer_hostname: value,
        },
        { requiredKeys: [] },
      ),
      value,
    ),
    route: fieldsOf('domain', 'path'),
    device: fieldsOf('ua', 'os'),
    props: fc.oneof(fc.record({ context: fieldsOf('userAgent', 'ip') }), value),
  },
  { requiredKeys: [] },
);

const before: fc.Arbitrary<Enriched> = fc.record(
  {
    server: fc.constantFrom({ ip: '192.0.2.0' }, { bot: { verdict: 'human' } }),
    anonymous: fc.boolean(),
    drop: fc.constant('privacy_signal' as const),
    isFromServer: fc.boolean(),
  },
  { requiredKeys: [] },
);

/** What every step owes the events; the spec of the steps runs it for each. */
export function describeEnrichmentContract(name: string, harness: EnrichmentHarness): void {
  describe(`${name} keeps the contract of an enrichment step`, () => {
    /** Neither throws nor changes what it is given, which is frozen. */
    function found(step: EnrichmentStep, given: RequestFacts, of: Fields, known: Enriched) {
      const request = step.ofRequest(frozen(given), frozen(known));
      const fields = step.ofEvent?.(frozen(of), frozen(known));
      return { request, fields };
    }

    it('has a name for the metrics', () => {
      expect(harness.createStep().name).toMatch(/^[a-z]+(?:_[a-z]+)*$/);
    });

    it('adds something', () => {
      for (const { facts: some, event: of = {}, request = {} } of harness.adds) {
        const given = { receivedAtMs: 0, headers: {}, query: '', address: undefined, ...some };
        const { request: added, fields } = found(harness.createStep(), given, of, request);
        expect(added ?? fields).toBeDefined();
      }
    });

    it('does not throw, changes nothing, and gives the same again, whatever it is given', () => {
      const step = harness.createStep();
      fc.assert(
        fc.property(facts, event, before, (given, of, known) => {
          const first = found(step, given, of, known);
          const copy = structuredClone(first);
          expect(found(step, given, of, known)).toEqual(copy);
          expect(found(harness.createStep(), given, of, known)).toEqual(copy);
          expect(first).toEqual(copy);
          const { request = {}, fields = {} } = first;
          expect(Object.keys(request).filter((key) => !MEMBERS.has(key))).toEqual([]);
          expect(JSON.stringify([request.server, fields]).length).toBeLessThan(MAX_ADDED);
        }),
        { numRuns: 300 },
      );
    });

    it('never gives the full address', () => {
      const step = harness.createStep();
      fc.assert(
        fc.property(facts, event, before, (given, of, known) => {
          fc.pre(given.address !== undefined && !isTruncated(given.address));
          const plain = { ...given, headers: {}, source: 'shop' };
          const told = JSON.stringify(found(step, plain, withoutText(of, given), known));
          expect(told).not.toContain(given.address);
        }),
        { numRuns: 300 },
      );
    });
  });
}

/** It stays as it is when it is truncated. */
function isTruncated(text: string): boolean {
  return text.endsWith('.0');
}

/** A client may write any address into its event: that is not ours to keep secret. */
function withoutText(of: Fields, { address: text = '' }: RequestFacts): Fields {
  return JSON.stringify(of).includes(text) ? {} : of;
}

function frozen<T>(of: T): T {
  if (typeof of === 'object' && of !== null) {
    Object.values(of).forEach(frozen);
    Object.freeze(of);
  }
  return of;
}
