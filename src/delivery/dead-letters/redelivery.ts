import { Logger } from '@nestjs/common';
import type { PipelineObserver } from '../../metrics/pipeline-observer.js';
import type { Accounting } from '../accounting.js';
import { DeadLetterReplay } from './dead-letter-replay.js';
import type { DeadLetters } from './dead-letters.js';

/** One sink's dead letters on their way back: serves the operator's requests, and keeps the replay under way. */
export class Redelivery {
  private underWay: DeadLetterReplay | undefined;
  private readonly logger: Logger;
  private failing = false;

  constructor(
    private readonly sink: string,
    private readonly accounting: Accounting,
    private readonly deadLetters: DeadLetters,
    private readonly observer: PipelineObserver,
  ) {
    this.logger = new Logger(`Dead letters ${sink}`);
  }

  /** Where to take batches from; undefined when nothing is replayed. */
  get replay(): DeadLetterReplay | undefined {
    return this.underWay;
  }

  /** Does what was asked for, at a moment when the lane writes nothing. What fails is left for the next call. */
  async serve(): Promise<void> {
    try {
      await this.serveRequests();
      this.failing = false;
    } catch (error) {
      if (!this.failing) {
        this.failing = true;
        this.logger.error(`cannot be replayed or purged: ${(error as Error).message}`);
      }
    }
  }

  /** Everything of the replay is settled. */
  async finish(): Promise<void> {
    await this.underWay?.end();
    this.underWay = undefined;
    this.logger.log('replayed');
  }

  private async serveRequests(): Promise<void> {
    const { store, requests } = this.deadLetters;
    await this.resume();
    if (await requests.isMade(this.sink, 'purge')) {
      await store.purge(this.sink);
      const events = await this.accounting.purge();
      await requests.withdraw(this.sink, 'purge');
      this.logger.warn(`purged: ${events} event(s) are given up`);
    }
    if (!this.underWay && (await requests.isMade(this.sink, 'replay'))) {
      await store.setAside(this.sink);
      await this.resume();
      await requests.withdraw(this.sink, 'replay');
    }
  }

  /** Continues a replay that is there, or begins it: a crash may have come between. */
  private async resume(): Promise<void> {
    if (this.underWay) {
      return;
    }
    const { store } = this.deadLetters;
    const replay = await store.replayOf(this.sink);
    if (replay === undefined) {
      if (this.accounting.replay) {
        await this.accounting.endReplay();
      }
      return;
    }
    if (this.accounting.replay?.file !== replay) {
      const events = await store.countReplay(replay);
      await this.accounting.beginReplay(replay, events);
      this.observer.eventsReplayed(this.sink, events);
      this.logger.log(`replays ${events} event(s)`);
    }
    this.underWay = new DeadLetterReplay(this.sink, replay, this.accounting, store);
  }
}
