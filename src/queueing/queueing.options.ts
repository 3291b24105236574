import { IsNotEmpty, Max, Min } from 'class-validator';
import { integer, text } from '../config/parsers.js';
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
}
