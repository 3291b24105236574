import { Injectable } from '@nestjs/common';
import { InjectOptions } from '../../config/inject-options.js';
import { HttpError } from '../../http/errors.js';
import type { RequestFacts } from '../request-facts.js';
import { AdmissionOptions } from './admission.options.js';
import { AdmissionStep } from './admission-step.js';
import type { Sender } from './sender.js';
import { SourceKeys } from './source-keys.js';

/** Finds the source whose key a request brings, and refuses a wrong key. Without keys of ours, none is looked at. */
@Injectable()
export class Key extends AdmissionStep {
  override readonly reason = 'key';
  override readonly usesKey = true;

  constructor(
    @InjectOptions(AdmissionOptions) private readonly options: AdmissionOptions,
    private readonly keys: SourceKeys,
  ) {
    super();
  }

  override check(facts: RequestFacts, { key }: Sender): void {
    if (this.options.apiKeys === undefined) {
      return;
    }
    if (key === undefined) {
      if (this.options.requireApiKey) {
        throw new HttpError('GT_UNKNOWN_SENDER');
      }
      return;
    }
    const found = this.keys.find(key);
    if (found === undefined) {
      throw new HttpError('GT_UNKNOWN_SENDER');
    }
    facts.source = found.source;
    facts.isFromServer = found.isServer;
  }
}
