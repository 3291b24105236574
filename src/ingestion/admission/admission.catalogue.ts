import type { Type } from '@nestjs/common';
import type { AdmissionStep } from './admission-step.js';
import { ClientRate } from './client-rate.js';
import { Key } from './key.js';
import { Origin } from './origin.js';
import { Overload } from './overload.js';
import { Signature } from './signature.js';
import { SourceRate } from './source-rate.js';

/** In the order in which a request passes them: the first that refuses answers. */
export const ADMISSION_STEPS: readonly Type<AdmissionStep>[] = [
  Overload,
  Origin,
  ClientRate,
  Key,
  Signature,
  SourceRate,
];
