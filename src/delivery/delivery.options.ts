import { Max, Min } from 'class-validator';
import { integer } from '../config/parsers.js';
import { Setting } from '../config/setting.js';

/** When a batch is written, and how long a shutdown may take. */
export class DeliveryOptions {
  static readonly key = 'delivery';

  @Setting('BATCH_SIZE', integer, {
    doc: 'A batch goes to its sink when it holds this many events, or 4 MiB, or after FLUSH_INTERVAL_MS.',
    unit: 'events',
  })
  @Min(1)
  @Max(100_000)
  readonly batchSize: number = 500;

  @Setting('FLUSH_INTERVAL_MS', integer, {
    doc: 'How long the first event of a batch waits for others.',
    unit: 'ms',
  })
  @Min(0)
  @Max(60_000)
  readonly flushIntervalMs: number = 250;

  @Setting('SHUTDOWN_DELAY_MS', integer, {
    doc: 'On SIGTERM, how long /readyz says 503 while requests are still accepted, so that a balancer can turn away.',
    unit: 'ms',
  })
  @Min(0)
  @Max(600_000)
  readonly shutdownDelayMs: number = 0;

  @Setting('SHUTDOWN_TIMEOUT_MS', integer, {
    doc: 'After the delay, how long requests and queued events may take to finish. What is left is delivered after the next start.',
    unit: 'ms',
  })
  @Min(0)
  @Max(600_000)
  readonly shutdownTimeoutMs: number = 10_000;
}
