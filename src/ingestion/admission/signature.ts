import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { InjectOptions } from '../../config/inject-options.js';
import { HttpError } from '../../http/errors.js';
import type { RequestFacts } from '../request-facts.js';
import { ClientKeys } from '../signing/client-keys.js';
import { AdmissionOptions } from './admission.options.js';
import { AdmissionStep } from './admission-step.js';
import type { Sender } from './sender.js';

const SIGNATURE = /^[\da-f]{64}$/i;

/** Refuses a body whose signature is wrong, or missing where one is required. A valid key takes its place. */
@Injectable()
export class Signature extends AdmissionStep {
  override readonly reason = 'signature';
  override readonly usesKey = true;

  constructor(
    @InjectOptions(AdmissionOptions) private readonly options: AdmissionOptions,
    private readonly clientKeys: ClientKeys,
  ) {
    super();
  }

  override check({ source }: RequestFacts, { signature }: Sender, request: FastifyRequest): void {
    // Without a body there is nothing to sign.
    if (!this.clientKeys.enabled || source !== undefined || request.method !== 'POST') {
      return;
    }
    const wellFormed = signature === undefined ? undefined : SIGNATURE.test(signature);
    if (!(wellFormed ?? !this.options.signatureRequired)) {
      throw new HttpError('GT_UNKNOWN_SENDER');
    }
  }

  override checkBody(
    { source, address }: RequestFacts,
    { signature }: Sender,
    body: Buffer,
  ): Promise<void> | undefined {
    return !this.clientKeys.enabled || source !== undefined || signature === undefined
      ? undefined
      : this.verify(address, signature, body);
  }

  private async verify(
    address: string | undefined,
    signature: string,
    body: Buffer,
  ): Promise<void> {
    if (!(await this.clientKeys.verifies(address, body, Buffer.from(signature, 'hex')))) {
      throw new HttpError('GT_UNKNOWN_SENDER');
    }
  }
}
