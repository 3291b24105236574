import type { Type } from '@nestjs/common';
import type { AdmissionStep } from './admission-step.js';
import { Overload } from './overload.js';

/** In the order in which a request passes them: the first that refuses answers. */
export const ADMISSION_STEPS: readonly Type<AdmissionStep>[] = [Overload];
