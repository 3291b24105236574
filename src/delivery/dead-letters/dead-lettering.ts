import { Injectable } from '@nestjs/common';
import { DeadLetterRequests } from '../../disk/dead-letter-requests.js';
import { DeadLetterStore } from './dead-letter-store.js';

/** Where a lane puts what its sink refuses, and what operators ask about it. */
@Injectable()
export class DeadLettering {
  constructor(
    readonly store: DeadLetterStore,
    readonly requests: DeadLetterRequests,
  ) {}
}
