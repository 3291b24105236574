import { ArrayNotEmpty, ArrayUnique } from 'class-validator';
import { list } from '../config/parsers.js';
import { type Parser, Setting, InvalidValueError } from '../config/setting.js';
import { SINK_NAMES } from './sink.catalogue.js';

const outputs: Parser<readonly string[]> = (value) => {
  const names = list(value).map((name) => name.toLowerCase());
  if (!names.every((name) => SINK_NAMES.includes(name))) {
    throw new InvalidValueError(`must be a comma list of ${SINK_NAMES.join(', ')}`);
  }
  return names;
};

export class SinksOptions {
  static readonly key = 'sinks';

  @ArrayNotEmpty({ message: 'must name at least one sink' })
  @ArrayUnique({ message: 'must not name a sink twice' })
  @Setting('OUTPUTS', outputs, {
    doc: 'The sinks that every event is delivered to, a comma list.',
  })
  readonly outputs: readonly string[] = ['log'];
}
