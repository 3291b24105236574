import type { FastifyRequest } from 'fastify';
import { beforeEach, describe, expect, it } from 'vitest';
import { RecordingObserver } from '../../../test/support/fakes/recording-observer.js';
import { ClientAddress } from '../../http/client-address.js';
import { HttpError } from '../../http/errors.js';
import { HttpOptions } from '../../http/http.options.js';
import type { RequestFacts } from '../request-facts.js';
import { Admission } from './admission.js';
import { AdmissionStep } from './admission-step.js';
import type { Sender } from './sender.js';

function requestTo(url: string, headers: Record<string, string> = {}): FastifyRequest {
  return {
    headers,
    method: 'POST',
    raw: { url, headers: {}, socket: { remoteAddress: '::ffff:192.0.2.7' } },
  } as unknown as FastifyRequest;
}

const request = requestTo('/collect?a=1', { 'x-key': 'k' });
const body = Buffer.from('{}');
const address = new ClientAddress(new HttpOptions());
const NOBODY: Sender = { key: undefined, signature: undefined };

let observer: RecordingObserver;

beforeEach(() => {
  observer = new RecordingObserver();
});

function admissionOf(...steps: AdmissionStep[]): Admission {
  return new Admission(address, steps, observer);
}

class RecordingStep extends AdmissionStep {
  override readonly reason = 'origin';
  readonly seen: unknown[] = [];
  readonly seenBodies: unknown[] = [];

  constructor(private readonly refusal?: Error) {
    super();
  }

  override check(...args: Parameters<AdmissionStep['check']>): void {
    this.seen.push(args);
    if (this.refusal) {
      throw this.refusal;
    }
  }

  override checkBody(...args: unknown[]): Promise<void> {
    this.seenBodies.push(args);
    return this.refusal ? Promise.reject(this.refusal) : Promise.resolve();
  }
}

class FindsSource extends AdmissionStep {
  override readonly reason = 'key';

  override check(facts: RequestFacts, _sender: Sender, { headers }: FastifyRequest): void {
    facts.source = `of ${headers['x-key']?.toString()}`;
  }
}

class RefusesLater extends AdmissionStep {
  override readonly reason = 'busy';

  override check(): void {
    // It has no objection yet.
  }

  override checkAgain(): void {
    throw new HttpError('GT_BUSY');
  }
}

describe('Admission', () => {
  it('gives each step the facts, the sender and the request, then the body as received', async () => {
    const steps = [new RecordingStep(), new RecordingStep()];
    const admission = admissionOf(...steps);
    const admitted = admission.admit(request);
    const { facts } = admitted;
    expect(facts).toEqual({
      receivedAtMs: expect.any(Number),
      headers: request.headers,
      query: 'a=1',
      address: '192.0.2.7',
    });
    await admission.admitBody(admitted, body);
    for (const { seen, seenBodies } of steps) {
      expect(seen).toEqual([[facts, NOBODY, request]]);
      expect(seenBodies).toEqual([[facts, NOBODY, body]]);
    }
  });

  it('refuses with the error of the first step that throws, and asks no other', () => {
    const refusal = new HttpError('GT_ORIGIN');
    const steps = [new RecordingStep(), new RecordingStep(refusal), new RecordingStep()];
    expect(() => admissionOf(...steps).admit(request)).toThrow(refusal);
    expect(steps.map(({ seen }) => seen.length)).toEqual([1, 1, 0]);
  });

  it('refuses a body in the same way', async () => {
    const admitted = admissionOf(new RecordingStep()).admit(request);
    const refusal = new HttpError('GT_UNKNOWN_SENDER');
    const steps = [new RecordingStep(refusal), new RecordingStep()];
    await expect(admissionOf(...steps).admitBody(admitted, body)).rejects.toBe(refusal);
    expect(steps.map(({ seenBodies }) => seenBodies.length)).toEqual([1, 0]);
  });

  it('looks again before the events are parsed', () => {
    const admission = admissionOf(new RefusesLater());
    const admitted = admission.admit(request);
    expect(() => admission.begin(admitted)).toThrow(new HttpError('GT_BUSY'));
    expect(observer.facts).toEqual([{ fact: 'requestDenied', args: ['busy'] }]);
  });

  it('counts a refusal once, under the reason of its step, and no fault of a step', () => {
    const refusing = admissionOf(new RecordingStep(new HttpError('GT_ORIGIN')));
    expect(() => refusing.admit(request)).toThrow(new HttpError('GT_ORIGIN'));
    expect(observer.facts).toEqual([{ fact: 'requestDenied', args: ['origin'] }]);
    const faulty = admissionOf(new RecordingStep(new TypeError('a fault')));
    expect(() => faulty.admit(request)).toThrow('a fault');
    expect(observer.facts).toHaveLength(1);
  });

  it('hands on what a step has found out', () => {
    const later = new RecordingStep();
    const admission = admissionOf(new FindsSource(), later);
    const admitted = admission.admit(request);
    expect(later.seen).toMatchObject([[{ source: 'of k' }, NOBODY, request]]);
    expect(admission.begin(admitted)).toMatchObject({ source: 'of k' });
  });

  it('keeps key and signature from all but the steps', () => {
    const step = new RecordingStep();
    const { facts } = admissionOf(step).admit(
      requestTo('/px.gif?e=x&gt_key=hunter2&gt_hmac=ab12', {
        referer: 'https://shop.example/?gt_key=hunter2&p=1',
        'user-agent': 'UA',
      }),
    );
    expect(step.seen).toMatchObject([[facts, { key: 'hunter2', signature: 'ab12' }, {}]]);
    expect(facts).toMatchObject({
      query: 'e=x',
      headers: { referer: 'https://shop.example/?p=1', 'user-agent': 'UA' },
    });
    expect(JSON.stringify(facts)).not.toMatch(/hunter2|ab12/);
  });
});
