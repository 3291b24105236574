import type { FastifyRequest } from 'fastify';
import { describe, expect, it } from 'vitest';
import { ClientAddress } from '../../http/client-address.js';
import { HttpOptions } from '../../http/http.options.js';
import type { RequestFacts } from '../request-facts.js';
import { Admission } from './admission.js';
import { AdmissionStep } from './admission-step.js';

const request = {
  headers: { 'x-key': 'k' },
  raw: { url: '/collect?a=1', headers: {}, socket: { remoteAddress: '::ffff:192.0.2.7' } },
} as unknown as FastifyRequest;

const address = new ClientAddress(new HttpOptions());

class RecordingStep extends AdmissionStep {
  readonly seen: unknown[] = [];

  constructor(private readonly refusal?: Error) {
    super();
  }

  override check(...args: Parameters<AdmissionStep['check']>): void {
    this.seen.push(args);
    if (this.refusal) {
      throw this.refusal;
    }
  }
}

class FindsSource extends AdmissionStep {
  override check(facts: RequestFacts, { headers }: FastifyRequest): void {
    Object.assign(facts, { source: `of ${headers['x-key']?.toString()}` });
  }
}

describe('Admission', () => {
  it('gives each step the facts, the request and the body as received', () => {
    const steps = [new RecordingStep(), new RecordingStep()];
    const body = Buffer.from('{}');
    const facts = new Admission(address, steps).admit(request, body);
    expect(facts).toEqual({
      receivedAtMs: expect.any(Number),
      headers: request.headers,
      query: 'a=1',
      address: '192.0.2.7',
    });
    expect(steps.map(({ seen }) => seen)).toEqual([
      [[facts, request, body]],
      [[facts, request, body]],
    ]);
  });

  it('refuses with the error of the first step that throws, and asks no other', () => {
    const refusal = new Error('refused');
    const steps = [new RecordingStep(), new RecordingStep(refusal), new RecordingStep()];
    expect(() => new Admission(address, steps).admit(request)).toThrow(refusal);
    expect(steps.map(({ seen }) => seen.length)).toEqual([1, 1, 0]);
  });

  it('hands on what a step has found out', () => {
    const later = new RecordingStep();
    const facts = new Admission(address, [new FindsSource(), later]).admit(request);
    expect(facts).toMatchObject({ source: 'of k' });
    expect(later.seen).toEqual([[facts, request, undefined]]);
  });
});
