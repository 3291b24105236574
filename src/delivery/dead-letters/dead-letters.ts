import { Injectable } from '@nestjs/common';
import { DeadLetterRequests } from '../../disk/dead-letter-requests.js';
import { DeadLetterStore } from './dead-letter-store.js';

/** The dead letters of all sinks, and what operators ask to be done with them. */
@Injectable()
export class DeadLetters {
  constructor(
    readonly store: DeadLetterStore,
    readonly requests: DeadLetterRequests,
  ) {}
}
