import type { LoggerService } from '@nestjs/common';
import { Logger, PinoLogger } from 'nestjs-pino';
import { pino } from 'pino';
import type { LogFormat, LoggingOptions } from './config/logging.options.js';
import { prettyLine } from './pretty-log.js';

const STDERR = 2;

/** What Nest says about its own start: each module, each route, and an error that `main.ts` gets too. */
const NEST_CONTEXTS: ReadonlySet<unknown> = new Set([
  'NestFactory',
  'InstanceLoader',
  'RoutesResolver',
  'RouterExplorer',
  'NestApplication',
  'ExceptionHandler',
]);

class OwnLog extends Logger {
  override log(message: unknown, ...params: unknown[]): void {
    if (NEST_CONTEXTS.has(params.at(-1))) {
      super.debug(message, ...params);
    } else {
      super.log(message, ...params);
    }
  }

  override error(message: unknown, ...params: unknown[]): void {
    if (NEST_CONTEXTS.has(params.at(-1))) {
      super.debug(message, ...params);
    } else {
      super.error(message, ...params);
    }
  }
}

/** GoTrack's own log, a line for each state change, on stderr, since stdout may be a sink. */
export function createLogger(
  { level, format }: LoggingOptions,
  nodeEnv: string | undefined,
): LoggerService {
  const { isTTY } = process.stderr;
  const logger = pino(
    {
      level,
      formatters: { level: (word) => ({ level: word }) },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    destination(format ?? defaultFormat(nodeEnv, isTTY)),
  );
  return new OwnLog(new PinoLogger({ pinoHttp: { logger } }), {});
}

/** For people where they develop, for programs everywhere else. */
export function defaultFormat(nodeEnv: string | undefined, isTerminal: boolean): LogFormat {
  return nodeEnv === 'development' && isTerminal ? 'pretty' : 'json';
}

/** Each line is written before the call returns: the last ones before an end count most. */
function destination(format: LogFormat): { write(line: string): void } {
  const stderr = pino.destination({ dest: STDERR, sync: true });
  if (format === 'json') {
    return stderr;
  }
  const colors = process.stderr.isTTY && process.stderr.hasColors();
  return { write: (line) => void stderr.write(prettyLine(line, { colors })) };
}
