import { type FileHandle, open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type BeforeApplicationShutdown,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { InjectOptions } from '../../config/inject-options.js';
import { readLastLines } from '../../disk/read-lines.js';
import { removeFile } from '../../disk/remove-file.js';
import { type Fields, isFields } from '../../event/fields.js';
import { prepareEvent } from '../../event/prepare-event.js';
import type { Rejection } from '../../event/rejection.js';
import type { EncodedEvent } from '../../event/stored-event.js';
import { PipelineObserver } from '../../metrics/pipeline-observer.js';
import { eventOfLine } from '../../event/dead-letter-line.js';
import { REJECTED } from '../../disk/dead-letter-paths.js';
import { DeadLetterRequests } from '../../disk/dead-letter-requests.js';
import { EventQueue } from '../../queueing/event-queue.js';
import { RejectedRing } from './rejected-ring.js';
import { IngestionOptions } from '../ingestion.options.js';
import { Intake } from '../intake.js';

const CHUNK_BYTES = 256 * 1024;
/** The queue may be full, or its disk fail. */
const RETRY_MS = 1000;

/**
 * Validates events anew that were rejected, when an operator asks for it. Takes its file from the end and
 * cuts off what is done: after a crash, at most one chunk comes twice.
 */
@Injectable()
export class RejectedReplay
  implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown
{
  private readonly logger = new Logger('Dead letters rejected');
  private readonly stopping = new AbortController();
  private serving: Promise<void> | undefined;

  constructor(
    @InjectOptions(IngestionOptions) private readonly options: IngestionOptions,
    private readonly intake: Intake,
    private readonly queue: EventQueue,
    private readonly ring: RejectedRing,
    private readonly requests: DeadLetterRequests,
    private readonly observer: PipelineObserver,
  ) {}

  onApplicationBootstrap(): void {
    this.requests.listen(REJECTED, () => this.serveOnce());
    this.serveOnce();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    await this.serving;
  }

  async onApplicationShutdown(): Promise<void> {
    await this.ring.flush();
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

  /** Also what an earlier process has left. */
  private async replay(): Promise<void> {
    const file = await open(this.ring.replayPath, 'r+').catch(ifMissing);
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
      const events: EncodedEvent[] = [];
      const rejections: Rejection[] = [];
      const withoutEvent: Buffer[] = [];
      for (const { bytes } of lines) {
        const kept = eventOfLine(bytes);
        const prepared = kept && this.prepare(kept);
        if (!prepared) {
          withoutEvent.push(bytes);
        } else if (prepared.rejected === undefined) {
          events.push(prepared.json);
        } else {
          rejections.push(prepared.rejected);
        }
      }
      await this.append(events);
      this.observer.rejectedReplayed(events.length);
      this.ring.keep(rejections);
      this.ring.putBack(withoutEvent);
      await this.ring.flush();
      accepted += events.length;
      rejected += lines.length - events.length;
      size = lines[0]?.start ?? 0;
      await file.truncate(size);
      await file.datasync();
    }
    this.logger.log(`replayed: ${accepted} event(s) accepted, ${rejected} still rejected`);
  }

  private prepare(kept: Fields): ReturnType<typeof prepareEvent> {
    const receivedAtMs = Date.parse(String(kept['received_at']));
    return prepareEvent(kept, {
      receivedAtMs: Number.isNaN(receivedAtMs) ? Date.now() : receivedAtMs,
      server: isFields(kept['server']) ? kept['server'] : undefined,
      userAgent: undefined,
      omitSession: false,
      sanitizer: this.intake.sanitizer,
      maxEventBytes: this.options.maxEventBytes,
    });
  }

  /** Tries until the queue takes them. Rejects when the collector is to stop. */
  private async append(events: readonly EncodedEvent[]): Promise<void> {
    for (;;) {
      this.stopping.signal.throwIfAborted();
      try {
        await this.queue.append(events);
        return;
      } catch {
        await sleep(RETRY_MS, undefined, { signal: this.stopping.signal });
      }
    }
  }
}

function ifMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') {
    throw error;
  }
  return undefined;
}
