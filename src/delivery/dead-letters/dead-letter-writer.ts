import { Logger } from '@nestjs/common';
import type { StoredEvent } from '../../event/stored-event.js';
import type { PipelineObserver } from '../../metrics/pipeline-observer.js';
import type { Accounting } from '../accounting.js';
import type { Retry } from '../retry.js';
import type { Complaint } from '../settle-events.js';
import type { DeadLetterStore } from './dead-letter-store.js';
import { DeadLetterLog } from './dead-letter-log.js';

/** Makes events of one sink dead letters, for as long as it takes. */
export class DeadLetterWriter {
  private readonly log: DeadLetterLog;

  constructor(
    private readonly sink: string,
    private readonly store: DeadLetterStore,
    private readonly retry: Retry,
    private readonly accounting: Accounting,
    private readonly observer: PipelineObserver,
  ) {
    this.log = new DeadLetterLog(new Logger(`Dead letters ${sink}`));
  }

  async write(
    { position, json }: StoredEvent,
    { message, verbatim = message }: Complaint,
    source: 'queue' | 'replay',
  ): Promise<void> {
    await this.retry.retryDisk('the dead letters cannot be written', () =>
      this.store.append(this.sink, [{ event: json, reason: 'rejected', error: verbatim }]),
    );
    this.accounting.deadLettered(position, source);
    this.observer.eventsDeadLettered(this.sink, 'rejected', 1);
    this.log.written(message);
  }
}
