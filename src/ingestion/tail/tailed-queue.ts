import { Injectable } from '@nestjs/common';
import type { EncodedEvent } from '../../event/stored-event.js';
import { EventQueue } from '../../queueing/event-queue.js';
import { Tail } from './tail.js';

/** The queue's way in, which shows what is durable to those that watch. Without one it adds nothing. */
@Injectable()
export class TailedQueue {
  constructor(
    private readonly queue: EventQueue,
    private readonly tail: Tail,
  ) {}

  append(events: readonly EncodedEvent[]): Promise<void> {
    return this.shown(events, this.queue.append(events));
  }

  store(events: readonly EncodedEvent[]): Promise<void> {
    return this.shown(events, this.queue.store(events));
  }

  private shown(events: readonly EncodedEvent[], appended: Promise<void>): Promise<void> {
    return this.tail.isWatched ? appended.then(() => this.tail.show(events)) : appended;
  }
}
