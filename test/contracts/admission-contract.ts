import fc from 'fast-check';
import type { FastifyRequest } from 'fastify';
import { describe, expect, it } from 'vitest';
import { Admission } from '../../src/ingestion/admission/admission.js';
import type { AdmissionStep } from '../../src/ingestion/admission/admission-step.js';
import { ClientAddress } from '../../src/http/client-address.js';
import { HttpError, type ErrorCode } from '../../src/http/errors.js';
import { HttpOptions } from '../../src/http/http.options.js';
import { RecordingObserver } from '../support/fakes/recording-observer.js';

/** What a client sends, as far as a step may look at it. */
export interface Attempt {
  readonly method?: 'GET' | 'POST';
  readonly target?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly peer?: string | undefined;
  readonly body?: Buffer;
}

export interface AdmissionHarness {
  /** Another instance at each call. */
  createStep(): AdmissionStep;
  readonly passes: readonly Attempt[];
  /** Each is refused; `before` are sent first, and pass. */
  readonly refuses: readonly (Attempt & { readonly before?: readonly Attempt[] })[];
  readonly code: ErrorCode;
}

/** What admission says of a request, and the last two what a step may add. */
const FACTS = new Set([
  'receivedAtMs',
  'sentAtMs',
  'headers',
  'query',
  'address',
  'viaTrustedProxy',
  'source',
  'isFromServer',
]);

function requestOf({ method = 'POST', target = '/collect', headers = {}, ...rest }: Attempt) {
  const peer = 'peer' in rest ? rest.peer : '192.0.2.7';
  return {
    method,
    headers: { ...headers },
    raw: { url: target, headers: { ...headers }, socket: { remoteAddress: peer } },
  } as unknown as FastifyRequest;
}

const attempts: fc.Arbitrary<Attempt> = fc.record(
  {
    method: fc.constantFrom('GET', 'POST'),
    target: fc.webQueryParameters().map((query) => `/collect?${query}`),
    headers: fc.dictionary(
      fc.constantFrom('authorization', 'origin', 'referer', 'x-gotrack-hmac', 'x-forwarded-for'),
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.constantFrom('Bearer x', 'Basic x', 'null', 'tracking', 'a'.repeat(64), 'http://a'),
      ),
    ),
    peer: fc.oneof(fc.ipV4(), fc.ipV6(), fc.constant(undefined), fc.constant('fe80::1%eth0')),
    body: fc.uint8Array().map((bytes) => Buffer.from(bytes)),
  },
  { requiredKeys: [] },
);

/** What every step owes the requests that pass it; the spec of the steps runs it for each. */
export function describeAdmissionContract(name: string, harness: AdmissionHarness): void {
  describe(`${name} keeps the contract of an admission step`, () => {
    function newAdmission() {
      const observer = new RecordingObserver();
      const step = harness.createStep();
      const address = new ClientAddress(new HttpOptions());
      const admission = new Admission(address, [step], observer);
      // What it tells when it is made is no fact of a request.
      observer.facts.length = 0;
      /** @returns the error that refuses it */
      const attempt = async (what: Attempt): Promise<unknown> => {
        const request = requestOf(what);
        const before = structuredClone(request);
        try {
          const admitted = admission.admit(request);
          if (request.method === 'POST') {
            await admission.admitBody(admitted, what.body ?? Buffer.from('{}'));
          }
          const facts = admission.begin(admitted);
          expect(Object.keys(facts).filter((key) => !FACTS.has(key))).toEqual([]);
          return undefined;
        } catch (error) {
          return error;
        } finally {
          expect(request).toEqual(before);
        }
      };
      return { observer, step, attempt };
    }

    it('lets pass what it has nothing against, and says nothing about it', async () => {
      for (const passing of harness.passes) {
        const { attempt, observer } = newAdmission();
        expect(await attempt(passing)).toBeUndefined();
        expect(observer.facts).toEqual([]);
      }
    });

    it('refuses with its error, counted once and as nothing else', async () => {
      for (const { before = [], ...refused } of harness.refuses) {
        const { attempt, observer, step } = newAdmission();
        for (const earlier of before) {
          expect(await attempt(earlier)).toBeUndefined();
        }
        expect(await attempt(refused)).toMatchObject({ name: 'HttpError', code: harness.code });
        expect(observer.facts).toEqual([{ fact: 'requestDenied', args: [step.reason] }]);
      }
    });

    it('gives every refusal the same answer', async () => {
      const answers = new Set<string>();
      for (const { before = [], ...refused } of harness.refuses) {
        const { attempt } = newAdmission();
        for (const earlier of before) {
          await attempt(earlier);
        }
        const error = (await attempt(refused)) as HttpError;
        answers.add(JSON.stringify([error.answer(), error.challenge]));
      }
      expect(answers.size).toBe(1);
    });

    it('throws nothing but an HttpError, and changes nothing but the facts, whatever is sent', async () => {
      const { attempt } = newAdmission();
      await fc.assert(
        fc.asyncProperty(attempts, async (what) => {
          const error = await attempt(what);
          expect(error === undefined || error instanceof HttpError).toBe(true);
        }),
        { numRuns: 300 },
      );
    });
  });
}
