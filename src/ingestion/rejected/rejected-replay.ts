import { type FileHandle, open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type BeforeApplicationShutdown,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { REJECTED } from '../../disk/dead-letter-paths.js';
import { DeadLetterRequests } from '../../disk/dead-letter-requests.js';
import { ifMissing } from '../../disk/missing.js';
import { readLastLines } from '../../disk/read-lines.js';
import { removeFile } from '../../disk/remove-file.js';
import { eventOfLine } from '../../event/dead-letter-line.js';
import type { Fields } from '../../event/fields.js';
import { Intake } from '../intake.js';
import { RejectedRing } from './rejected-ring.js';

const CHUNK_BYTES = 256 * 1024;
/** A disk that hangs must not keep the process. */
const CLOSE_TIMEOUT_MS = 1000;

/**
 * Has rejected events validated again when an operator asks for it. Reads their file from the end and
 * cuts off what is done: after a crash, at most one chunk comes twice.
 */
@Injectable()
export class RejectedReplay
  implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown
{
  private readonly logger = new Logger('Dead letters rejected');
  private readonly stopping = new AbortController();
  private serving: Promise<void> | undefined;

  private stopListening = (): void => {};

  constructor(
    private readonly intake: Intake,
    private readonly ring: RejectedRing,
    private readonly requests: DeadLetterRequests,
  ) {}

  onApplicationBootstrap(): void {
    this.stopListening = this.requests.listen(REJECTED, () => this.serveOnce());
    this.serveOnce();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopListening();
    this.stopping.abort();
    await this.untilClosed(this.serving);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.untilClosed(this.ring.flush());
  }

  private async untilClosed(work: Promise<void> | undefined): Promise<void> {
    await Promise.race([work, sleep(CLOSE_TIMEOUT_MS, undefined, { ref: false })]);
  }

  private serveOnce(): void {
    this.serving ??= this.serve()
      .catch((error: Error) => {
        if (!this.stopping.signal.aborted) {
          this.logger.error(`cannot be replayed or purged: ${error.message}`);
        }
      })
      .finally(() => {
        this.serving = undefined;
      });
  }

  private async serve(): Promise<void> {
    if (await this.requests.isMade(REJECTED, 'purge')) {
      await this.ring.purge();
      await this.requests.withdraw(REJECTED, 'purge');
      this.logger.warn('purged');
    }
    await this.replay();
    if (await this.requests.isMade(REJECTED, 'replay')) {
      await this.ring.setAside();
      await this.requests.withdraw(REJECTED, 'replay');
      await this.replay();
    }
  }

  /** Replays what was set aside, by an earlier process too. */
  private async replay(): Promise<void> {
    const file = await open(this.ring.replayPath, 'r+').catch(ifMissing(undefined));
    if (!file) {
      return;
    }
    try {
      await this.replayFile(file);
    } finally {
      await file.close();
    }
    await removeFile(this.ring.replayPath);
  }

  private async replayFile(file: FileHandle): Promise<void> {
    let accepted = 0;
    let rejected = 0;
    for (let { size } = await file.stat(); size > 0;) {
      const lines = await readLastLines(file, size, CHUNK_BYTES);
      const withoutEvent: Buffer[] = [];
      const events = eventsIn(lines, withoutEvent);
      const valid = await this.intake.replay(events, this.stopping.signal);
      this.ring.keep(withoutEvent);
      await this.ring.flush();
      accepted += valid;
      rejected += lines.length - valid;
      size = lines[0]?.start ?? 0;
      await file.truncate(size);
      await file.datasync();
    }
    this.logger.log(`replayed: ${accepted} event(s) accepted, ${rejected} still rejected`);
  }
}

/** Parses a line when its event is asked for. */
function* eventsIn(
  lines: readonly { readonly bytes: Buffer }[],
  withoutEvent: Buffer[],
): Generator<Fields> {
  for (const { bytes } of lines) {
    const event = eventOfLine(bytes);
    if (event) {
      yield event;
    } else {
      withoutEvent.push(bytes);
    }
  }
}
