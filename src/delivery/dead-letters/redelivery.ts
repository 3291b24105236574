import { Logger } from '@nestjs/common';
import { countLines } from '../../disk/read-lines.js';
import { removeFile } from '../../disk/remove-file.js';
import type { PipelineObserver } from '../../metrics/pipeline-observer.js';
import { DeadLetterReplay } from './dead-letter-replay.js';
import type { DeadLetterRequests } from '../../disk/dead-letter-requests.js';
import type { DeadLetters } from './dead-letters.js';
import type { QueueReader, Undelivered } from '../../queueing/event-queue.js';

/** One sink's dead letters on their way back: serves the operator's requests, and keeps the replay under way. */
export class Redelivery {
  /** Where to take batches from; undefined when nothing is replayed. */
  source: DeadLetterReplay | undefined;
  private readonly logger: Logger;
  private failing = false;

  constructor(
    private readonly sink: string,
    private readonly reader: QueueReader,
    private readonly deadLetters: DeadLetters,
    private readonly requests: DeadLetterRequests,
    private readonly observer: PipelineObserver,
  ) {
    this.logger = new Logger(`Dead letters ${sink}`);
  }

  /**
   * Does what was asked for, at a moment when the lane writes nothing. What fails is left for the next call.
   * @param undelivered what became of events that the lane has not committed yet
   * @returns the same, after what was done
   */
  async serve(undelivered: Undelivered): Promise<Undelivered> {
    try {
      const served = await this.serveRequests(undelivered);
      this.failing = false;
      return served;
    } catch (error) {
      if (!this.failing) {
        this.failing = true;
        this.logger.error(`cannot be replayed or purged: ${(error as Error).message}`);
      }
      return undelivered;
    }
  }

  /** Everything of the replay is settled. */
  async finish(): Promise<void> {
    const file = this.reader.replay?.file;
    if (file !== undefined) {
      await removeFile(this.deadLetters.replayPath(file));
      await this.reader.endReplay();
    }
    this.source = undefined;
    this.logger.log('replayed');
  }

  private async serveRequests(undelivered: Undelivered): Promise<Undelivered> {
    let served = await this.resume(undelivered);
    if (await this.requests.isMade(this.sink, 'purge')) {
      served = await this.purge(served);
    }
    if (!this.source && (await this.requests.isMade(this.sink, 'replay'))) {
      await this.deadLetters.setAside(this.sink);
      served = await this.resume(served);
      await this.requests.withdraw(this.sink, 'replay');
    }
    return served;
  }

  private async purge(undelivered: Undelivered): Promise<Undelivered> {
    const { deadLettered } = this.reader.ledger;
    await this.deadLetters.purge(this.sink);
    await this.reader.purgeDeadLetters();
    await this.requests.withdraw(this.sink, 'purge');
    this.logger.warn(`purged: ${deadLettered + undelivered.deadLettered} event(s) are given up`);
    return {
      ...undelivered,
      deadLettered: 0,
      purged: undelivered.purged + undelivered.deadLettered,
    };
  }

  /** Goes on with a replay whose file is there, or begins it: a crash may have come between. */
  private async resume(undelivered: Undelivered): Promise<Undelivered> {
    if (this.source) {
      return undelivered;
    }
    const file = await this.deadLetters.replayed(this.sink);
    if (file === undefined) {
      if (this.reader.replay) {
        await this.reader.endReplay();
      }
      return undelivered;
    }
    const path = this.deadLetters.replayPath(file);
    const isNew = this.reader.replay?.file !== file;
    if (isNew) {
      const events = await countLines(path);
      await this.reader.beginReplay(file, events);
      this.observer.eventsReplayed(this.sink, events);
      this.logger.log(`replays ${events} event(s)`);
    }
    this.source = new DeadLetterReplay(path, this.reader, this.deadLetters);
    return isNew
      ? { deadLettered: 0, purged: undelivered.purged, replayed: undelivered.deadLettered }
      : undelivered;
  }
}
