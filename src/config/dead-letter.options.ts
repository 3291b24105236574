import { IsNotEmpty, Max, Min } from 'class-validator';
import { integer, text } from './parsers.js';
import { Setting } from './setting.js';

/** Where refused events are kept, by delivery and by ingestion. */
export class DeadLetterOptions {
  static readonly key = 'deadLetters';

  @Setting('DEAD_LETTER_PATH', text, {
    doc: 'Directory of the events that a sink or ingestion refused.',
  })
  @IsNotEmpty()
  readonly path: string = './data/dead-letters';

  @Setting('DEAD_LETTER_MAX_MB', integer, {
    doc: 'Disk space for refused events; a quarter of it is for those that ingestion refused as invalid.',
    unit: 'MiB',
  })
  @Min(1)
  @Max(1024 * 1024)
  readonly maxMegabytes: number = 256;
}
