import { Inject } from '@nestjs/common';
import { getConfigToken } from '@nestjs/config';
import type { OptionsClass } from './setting.js';

/** Injects the validated options object of that class. */
export function InjectOptions(optionsClass: OptionsClass): ParameterDecorator & PropertyDecorator {
  return Inject(getConfigToken(optionsClass.key));
}
