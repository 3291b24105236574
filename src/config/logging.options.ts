import { oneOf } from './parsers.js';
import { Setting } from './setting.js';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export const LOG_FORMATS = ['json', 'pretty'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

/** GoTrack's own log, on stderr. */
export class LoggingOptions {
  static readonly key = 'logging';

  @Setting('LOG_LEVEL', oneOf(...LOG_LEVELS), {
    doc: `The least severe line of GoTrack's own log (on stderr) that is written: ${LOG_LEVELS.join(', ')}.`,
  })
  readonly level: LogLevel = 'info';

  @Setting('LOG_FORMAT', oneOf(...LOG_FORMATS), {
    doc: 'How these lines are written: json, an object a line, or pretty, for people. Unset: pretty on a terminal with NODE_ENV=development, else json.',
  })
  readonly format: LogFormat | undefined = undefined;
}
