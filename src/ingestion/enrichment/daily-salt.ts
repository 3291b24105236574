import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Logger, type OnModuleDestroy } from '@nestjs/common';
import { destroySalt, readSalt, SALT_BYTES, writeSalt } from './salt-file.js';
import { DAY_MS, utcDay } from './utc-day.js';

const NAME = 'visitor-salt';
/** The clock may be set, and the machine may sleep. */
const MAX_WAIT_MS = 60_000;

/**
 * A random salt for each UTC day of the machine's clock. It is kept on the disk, so that a restart does not change it, and is
 * destroyed there and in memory when its day is over: nobody can then compute again what was made with it.
 */
export class DailySalt implements OnModuleDestroy {
  private readonly logger = new Logger('Visitors');
  private day = '';
  /** Since the epoch: what each request compares. */
  private dayNumber = Number.NaN;
  private salt: Buffer = Buffer.alloc(0);
  private path: string | undefined;
  private isOnDisk = false;
  private diskFails = false;
  private writing: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private forget: () => void = () => {};

  constructor(private readonly clock: () => number = () => Date.now()) {}

  /** Does not wait for the disk. */
  get current(): Buffer {
    this.turnDay();
    return this.salt;
  }

  /** @param forget is called once each salt is gone: what was made with it must not be remembered for longer */
  onDestroyed(forget: () => void): void {
    this.forget = forget;
  }

  /**
   * Begins with the salt of today, if it is there, and destroys one of another day. Call while the directory belongs to this
   * process alone. A disk that fails costs the same salt after a restart, and no more.
   */
  async open(directory: string): Promise<void> {
    this.path = join(directory, NAME);
    const found = await readSalt(this.path).catch((error: Error) => {
      this.logger.warn(`cannot read ${this.path}, visitors get another hash: ${error.message}`);
    });
    if (found?.day === utcDay(this.clock())) {
      this.use(found.day, found.salt);
      this.isOnDisk = true;
    }
    await this.look();
  }

  /** Leaves no salt on the disk, where nobody needs one. */
  async discard(directory: string): Promise<void> {
    const path = join(directory, NAME);
    await destroySalt(path).catch((error: Error) => {
      this.logger.warn(`cannot destroy ${path}, do so by hand: ${error.message}`);
    });
  }

  onModuleDestroy(): void {
    clearTimeout(this.timer);
    this.path = undefined;
  }

  /** The day ends without a request, too; and a write that failed is tried again. */
  private async look(): Promise<void> {
    this.turnDay();
    await this.write();
    if (this.path !== undefined) {
      const untilMidnight = DAY_MS - (this.clock() % DAY_MS);
      const wait = Math.min(untilMidnight, MAX_WAIT_MS);
      this.timer = setTimeout(() => void this.look(), wait).unref();
    }
  }

  private turnDay(): void {
    const now = this.clock();
    if (Math.floor(now / DAY_MS) !== this.dayNumber) {
      this.use(utcDay(now), randomBytes(SALT_BYTES));
      void this.write();
    }
  }

  private use(day: string, salt: Buffer): void {
    this.salt.fill(0);
    this.forget();
    this.day = day;
    this.dayNumber = Date.parse(day) / DAY_MS;
    this.salt = salt;
    this.isOnDisk = false;
  }

  /** One write at a time: a disk that hangs takes one thread. */
  private write(): Promise<void> {
    this.writing ??= this.writeCurrent().finally(() => {
      this.writing = undefined;
    });
    return this.writing;
  }

  private async writeCurrent(): Promise<void> {
    // The day may end meanwhile.
    while (this.path !== undefined && !this.isOnDisk) {
      const { path, day, salt } = this;
      try {
        await writeSalt(path, { day, salt });
        this.isOnDisk = this.salt === salt;
        this.diskFails = false;
      } catch (error) {
        if (!this.diskFails) {
          this.logger.warn(
            `cannot write ${path}, and a salt of an earlier day in it is not destroyed yet; tries again every minute: ${(error as Error).message}`,
          );
        }
        this.diskFails = true;
        return;
      }
    }
  }
}
