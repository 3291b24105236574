import type { LoggerService } from '@nestjs/common';
import { Logger, PinoLogger } from 'nestjs-pino';
import { pino } from 'pino';
import type { LogLevel } from './config/logging.options.js';

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

/** GoTrack's own log: one JSON object a line, on stderr, since stdout may be a sink. */
export function createLogger(level: LogLevel): LoggerService {
  const destination = pino.destination({ dest: STDERR, sync: true });
  return new OwnLog(new PinoLogger({ pinoHttp: { logger: pino({ level }, destination) } }), {});
}
