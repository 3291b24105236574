import { IsNotEmpty, Max, Min } from 'class-validator';
import { integer, text } from '../config/readers.js';
import { Setting } from '../config/setting.js';

export class QueueingOptions {
  static readonly key = 'queueing';

  @Setting('QUEUE_PATH', text, {
    doc: 'Directory of the durable queue. Local disk, one directory for each instance.',
  })
  @IsNotEmpty()
  readonly path: string = './data/queue';

  @Setting('QUEUE_MAX_MB', integer, {
    doc: 'Disk space the queue may take. When it is reached, requests get 503 until sinks have drained.',
    unit: 'MiB',
  })
  @Min(1)
  @Max(1024 * 1024)
  readonly maxMegabytes: number = 1024;

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

  @Setting('DEAD_LETTER_PATH', text, {
    doc: 'Directory of the events that a sink or ingestion refused.',
  })
  @IsNotEmpty()
  readonly deadLetterPath: string = './data/dead-letters';

  @Setting('DEAD_LETTER_MAX_MB', integer, {
    doc: 'Disk space for refused events; a quarter of it is for those that ingestion refused as invalid.',
    unit: 'MiB',
  })
  @Min(1)
  @Max(1024 * 1024)
  readonly deadLetterMaxMegabytes: number = 256;
}
