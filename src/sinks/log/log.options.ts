import { IsNotEmpty, Min } from 'class-validator';
import { integer, text } from '../../config/parsers.js';
import { Setting } from '../../config/setting.js';

export class LogOptions {
  static readonly key = 'log';

  @IsNotEmpty()
  @Setting('LOG_PATH', text, {
    doc: 'The file that the log sink appends to, one JSON event a line, or a link to it; or stdout. One process has it: a second one keeps its events queued.',
  })
  readonly path: string = './data/events.ndjson';

  @Min(0)
  @Setting('LOG_ROTATE_MB', integer, {
    doc: 'The file is set aside, with the time in its name, before a batch would take it past this size. 0: never.',
    unit: 'MiB',
  })
  readonly rotateMb: number = 100;

  @Min(0)
  @Setting('LOG_BACKUPS', integer, {
    doc: 'How many files set aside are kept; the oldest go first. 0: all.',
  })
  readonly backups: number = 0;

  @Min(0)
  @Setting('LOG_MAX_AGE_DAYS', integer, {
    doc: 'Files set aside longer ago than this are deleted, at start and at each rotation. 0: never.',
    unit: 'days',
  })
  readonly maxAgeDays: number = 0;
}
