import { Injectable } from '@nestjs/common';
import { HttpError } from '../../http/errors.js';
import { EventQueue } from '../../queueing/event-queue.js';
import { AdmissionStep } from './admission-step.js';

/** Refuses a request while more waits to be durable than may wait in memory. */
@Injectable()
export class Overload extends AdmissionStep {
  override readonly reason = 'busy';

  constructor(private readonly queue: EventQueue) {
    super();
  }

  override check(): void {
    if (this.queue.overloaded) {
      throw new HttpError('GT_BUSY');
    }
  }

  override checkAgain(): void {
    this.check();
  }
}
