import { expect, it } from 'vitest';
import { AddressAnonymizer } from '../../src/ingestion/enrichment/address-anonymizer.js';
import { Bots } from '../../src/ingestion/enrichment/bots.js';
import { Channel } from '../../src/ingestion/enrichment/channel.js';
import { ENRICHMENT_STEPS } from '../../src/ingestion/enrichment/enrichment.catalogue.js';
import { ClientPlace } from '../../src/ingestion/enrichment/client-place.js';
import { DailySalt } from '../../src/ingestion/enrichment/daily-salt.js';
import { EnrichmentOptions } from '../../src/ingestion/enrichment/enrichment.options.js';
import { GeoOptions } from '../../src/ingestion/enrichment/places/geo.options.js';
import { Places } from '../../src/ingestion/enrichment/places/places.js';
import { PrivacySignals } from '../../src/ingestion/enrichment/privacy-signals.js';
import { Purpose } from '../../src/ingestion/enrichment/purpose.js';
import { SourceName } from '../../src/ingestion/enrichment/source-name.js';
import { UserAgent } from '../../src/ingestion/enrichment/user-agent.js';
import { VisitorHash } from '../../src/ingestion/enrichment/visitor-hash.js';
import { IngestionOptions } from '../../src/ingestion/ingestion.options.js';
import { BROWSERS } from '../fixtures/user-agents.js';
import { RecordingObserver } from '../support/fakes/recording-observer.js';
import { describeEnrichmentContract, type EnrichmentHarness } from './enrichment-contract.js';

const [[userAgent]] = BROWSERS as [(typeof BROWSERS)[number]];
const fromBrowser = { facts: { headers: { 'user-agent': userAgent } } };
const fromServer = {
  event: { props: { context: { userAgent } } },
  request: { isFromServer: true },
};
const withAddress = { facts: { address: '192.0.2.7' } };

const places = await Places.open(new GeoOptions(), new RecordingObserver());

const HARNESSES: Record<string, EnrichmentHarness> = {
  PrivacySignals: {
    createStep: () => new PrivacySignals(new IngestionOptions()),
    adds: [{ facts: { headers: { dnt: '1' } } }],
  },
  AddressAnonymizer: {
    createStep: () => new AddressAnonymizer(new IngestionOptions()),
    adds: [withAddress],
  },
  VisitorHash: {
    createStep: () =>
      new VisitorHash(
        Object.assign(new IngestionOptions(), { visitorHash: 'shared', hashSecret: 'secret' }),
        new DailySalt(),
      ),
    adds: [withAddress],
  },
  ClientPlace: {
    createStep: () => new ClientPlace(places),
    adds: [{ facts: { address: '8.8.8.8' } }],
  },
  SourceName: {
    createStep: () => new SourceName(),
    adds: [{ facts: { source: 'shop' } }],
  },
  UserAgent: {
    createStep: () => new UserAgent(new EnrichmentOptions()),
    adds: [fromBrowser, fromServer],
  },
  Bots: {
    createStep: () => new Bots(Object.assign(new EnrichmentOptions(), { bots: 'drop' })),
    adds: [fromBrowser, fromServer, {}],
  },
  Purpose: {
    createStep: () => new Purpose(),
    adds: [{ facts: { headers: { 'sec-purpose': 'prefetch' } } }],
  },
  Channel: {
    createStep: () => new Channel(new EnrichmentOptions()),
    adds: [{ event: { route: { domain: 'shop.example' } } }],
  },
};

for (const [name, harness] of Object.entries(HARNESSES)) {
  describeEnrichmentContract(name, harness);
}

describeEnrichmentContract('AddressAnonymizer with a secret', {
  createStep: () =>
    new AddressAnonymizer(Object.assign(new IngestionOptions(), { ipHashSecret: 'secret' })),
  adds: [withAddress],
});

it('every step of the catalogue keeps the contract, under a name of its own', () => {
  expect(Object.keys(HARNESSES)).toEqual(ENRICHMENT_STEPS.map(({ name }) => name));
  const names = Object.values(HARNESSES).map((harness) => harness.createStep().name);
  expect(new Set(names).size).toBe(names.length);
});
