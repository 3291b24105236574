import { ArrayNotEmpty, ArrayUnique } from 'class-validator';
import { list } from '../config/readers.js';
import { type Reader, Setting, UnreadableValue } from '../config/setting.js';
import { SINK_NAMES } from './sink.catalogue.js';

/** Sinks that GoTrack documents and this version does not have. */
const NOT_YET = ['kafka'];

const outputs: Reader<readonly string[]> = (value) => {
  const names = list(value).map((name) => name.toLowerCase());
  const missing = NOT_YET.find((name) => names.includes(name) && !SINK_NAMES.includes(name));
  if (missing !== undefined) {
    throw new UnreadableValue(
      `must not name ${missing}, which this version does not support yet; it knows ${SINK_NAMES.join(', ')}`,
    );
  }
  if (!names.every((name) => SINK_NAMES.includes(name))) {
    throw new UnreadableValue(`must be a comma list of ${SINK_NAMES.join(', ')}`);
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
