import { IsNotEmpty, Max, Min } from 'class-validator';
import { integer, oneOf, text } from '../config/parsers.js';
import { Setting } from '../config/setting.js';

export const QUEUE_DRIVERS = ['embedded', 'kafka'] as const;

export type QueueDriverName = (typeof QUEUE_DRIVERS)[number];

export class QueueingOptions {
  static readonly key = 'queueing';

  @Setting('QUEUE_DRIVER', oneOf(...QUEUE_DRIVERS), {
    doc: 'Where events wait for the sinks. embedded: on the disk of this instance. kafka: in a topic that all instances share; the disk holds what is on its way there.',
  })
  readonly driver: QueueDriverName = 'embedded';

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
