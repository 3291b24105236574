import { createHmac } from 'node:crypto';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { HttpOptions } from '../../src/http/http.options.js';
import { AdmissionOptions } from '../../src/ingestion/admission/admission.options.js';
import { ADMISSION_STEPS } from '../../src/ingestion/admission/admission.catalogue.js';
import { apiKeys, sourceRates } from '../../src/ingestion/admission/api-key.js';
import { ClientRate } from '../../src/ingestion/admission/client-rate.js';
import { Key } from '../../src/ingestion/admission/key.js';
import { Origin } from '../../src/ingestion/admission/origin.js';
import { Overload } from '../../src/ingestion/admission/overload.js';
import { Signature } from '../../src/ingestion/admission/signature.js';
import { SourceKeys } from '../../src/ingestion/admission/source-keys.js';
import { SourceRate } from '../../src/ingestion/admission/source-rate.js';
import { ParsingTurns } from '../../src/ingestion/body/parsing-turns.js';
import { ClientKeys } from '../../src/ingestion/signing/client-keys.js';
import type { RequestFacts } from '../../src/ingestion/request-facts.js';
import type { EventQueue } from '../../src/queueing/event-queue.js';
import { RecordingObserver } from '../support/fakes/recording-observer.js';
import {
  type AdmissionHarness,
  type Attempt,
  describeAdmissionContract,
} from './admission-contract.js';

const SECRET = 'a secret of 32 characters or more';
const BODY = Buffer.from('{"type":"signup"}');

function optionsOf(given: Partial<AdmissionOptions>): AdmissionOptions {
  return Object.assign(new AdmissionOptions(), given);
}

function signatureOf(client: string, body = BODY, secret = SECRET): string {
  const key = createHmac('sha256', secret).update(`client-key:${client}`).digest();
  return createHmac('sha256', key).update(body).digest('hex');
}

const signedBy = (signature: string): Attempt => ({
  headers: { 'x-gotrack-hmac': signature },
  body: BODY,
});
const keyed = (authorization: string): Attempt => ({ headers: { authorization } });
const from = (peer: string): Attempt => ({ peer });

const keys = optionsOf({ apiKeys: apiKeys('shop:k1,app:k2:server'), requireApiKey: true });

/** A source is found before its rate is looked at. */
class RateOfShop extends SourceRate {
  override check(facts: RequestFacts): void {
    facts.source = 'shop';
    super.check(facts);
  }
}

const signatures = optionsOf({ hmacSecret: SECRET });

const HARNESSES: Record<string, AdmissionHarness> = {
  Overload: {
    createStep: () => {
      let looks = 0;
      // It fills up while the body of the second request arrives.
      const queue = {
        get overloaded() {
          looks += 1;
          return looks > 3;
        },
      };
      return new Overload(queue as EventQueue);
    },
    passes: [{}],
    refuses: [{ before: [{}] }],
    code: 'GT_BUSY',
  },
  Origin: {
    createStep: () =>
      new Origin(
        Object.assign(new HttpOptions(), { corsOrigins: ['https://shop.example', 'null'] }),
      ),
    passes: [
      {},
      { headers: { origin: 'https://shop.example' } },
      { headers: { origin: 'null' } },
      { headers: { origin: 'https://shop.example', referer: 'https://other.example/' } },
      { method: 'GET' },
      { method: 'GET', headers: { referer: 'https://shop.example/cart?a=https://evil.example' } },
      { method: 'GET', headers: { referer: 'https://SHOP.example:443' } },
    ],
    refuses: [
      { headers: { origin: 'https://evil.example' } },
      { headers: { origin: 'http://shop.example' } },
      { headers: { origin: 'https://shop.example.evil.example' } },
      { headers: { origin: 'https://shop.example:8443' } },
      { method: 'GET', headers: { referer: 'https://evil.example/?https://shop.example' } },
      { method: 'GET', headers: { referer: 'https://shop.example@evil.example/' } },
    ],
    code: 'GT_ORIGIN',
  },
  ClientRate: {
    createStep: () => new ClientRate(optionsOf({ rateLimitRps: 2 })),
    passes: [from('192.0.2.7'), from('2001:db8::7'), { peer: undefined }],
    refuses: [
      { ...from('192.0.2.7'), before: [from('192.0.2.7'), from('::ffff:192.0.2.7')] },
      { ...from('2001:db8::9'), before: [from('2001:db8::7'), from('2001:db8::8')] },
      {
        ...from('192.0.2.7'),
        headers: { 'x-forwarded-for': '203.0.113.1', 'x-real-ip': '203.0.113.2' },
        before: [from('192.0.2.7'), from('192.0.2.7'), from('2001:db8:0:1::7'), from('192.0.2.8')],
      },
    ],
    code: 'GT_RATE_LIMIT',
  },
  Key: {
    createStep: () => new Key(keys, new SourceKeys(keys, new RecordingObserver())),
    passes: [
      keyed('Bearer k1'),
      keyed(`Basic ${Buffer.from('k2:').toString('base64')}`),
      { target: '/px.gif?gt_key=k1', method: 'GET' },
    ],
    refuses: [
      {},
      { method: 'GET', target: '/px.gif?gt_key=' },
      keyed('Bearer k'),
      keyed('Bearer k11'),
      keyed('Bearer shop'),
      keyed('Bearer __proto__'),
      keyed(`Basic ${Buffer.from(':k1').toString('base64')}`),
      { target: '/collect?gt_key=k3' },
    ],
    code: 'GT_UNKNOWN_SENDER',
  },
  Signature: {
    createStep: () => new Signature(signatures, new ClientKeys(signatures, new ParsingTurns())),
    passes: [
      signedBy(signatureOf('192.0.2.7')),
      signedBy(signatureOf('192.0.2.7').toUpperCase()),
      { target: `/collect?gt_hmac=${signatureOf('192.0.2.7')}`, body: BODY },
      { ...signedBy(signatureOf('2001:db8::/64')), peer: '2001:db8::7' },
      { ...signedBy(signatureOf('2001:db8::7')), peer: '2001:db8::7' },
      { method: 'GET' },
    ],
    refuses: [
      {},
      signedBy('tracking'),
      signedBy('ab'),
      signedBy(`${signatureOf('192.0.2.7')}00`),
      signedBy(signatureOf('192.0.2.8')),
      signedBy(signatureOf('192.0.2.7', Buffer.from('{}'))),
      signedBy(signatureOf('192.0.2.7', BODY, 'another')),
      { ...signedBy(signatureOf('2001:db8:0:1::/64')), peer: '2001:db8::7' },
      { ...signedBy(signatureOf('')), peer: undefined },
    ],
    code: 'GT_UNKNOWN_SENDER',
  },
  SourceRate: {
    createStep: () => new RateOfShop(optionsOf({ sourceRateLimits: sourceRates('shop:1,app:9') })),
    passes: [{}],
    refuses: [{ before: [{}] }, { ...from('192.0.2.9'), before: [from('192.0.2.8')] }],
    code: 'GT_RATE_LIMIT',
  },
};

// Rates are those of a clock that stands still: a machine that is busy would give back what a test has used up.
beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

it('covers every step of the catalogue', () => {
  expect(Object.keys(HARNESSES)).toEqual(ADMISSION_STEPS.map(({ name }) => name));
});

for (const [name, harness] of Object.entries(HARNESSES)) {
  describeAdmissionContract(name, harness);
}
