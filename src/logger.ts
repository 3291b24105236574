import type { LoggerService } from '@nestjs/common';
import { Logger, PinoLogger } from 'nestjs-pino';
import { pino } from 'pino';
import type { LogLevel } from './config/logging.options.js';

const STDERR = 2;

/** GoTrack's own log: one JSON object a line, on stderr, since stdout may be a sink. */
export function createLogger(level: LogLevel): LoggerService {
  const destination = pino.destination({ dest: STDERR, sync: true });
  return new Logger(new PinoLogger({ pinoHttp: { logger: pino({ level }, destination) } }), {});
}
