import { readFile } from 'node:fs/promises';
import { Logger } from '@nestjs/common';
import type { Reader, Response } from 'maxmind';
import { followFile, stampOf } from '../../../config/follow-file.js';
import { HangingCallError } from '../../../threads/bounded-calls.js';
import { readFileInTime } from '../../../threads/read-file.js';
import { openDatabase, pathOfDatabase, unreadable } from './mmdb-file.js';
import { type Place } from './place.js';
import { placeInRecord } from './place-in-record.js';

/** One MMDB file, which is followed: one that can be used takes the place of the one before, another leaves it in use. */
export class PlaceDatabase {
  private readonly logger = new Logger('Geo');
  private lastReloadWorked = true;
  private readonly stop: () => void;

  private constructor(
    private readonly path: string,
    private reader: Reader<Response>,
    stamp: string,
  ) {
    this.stop = followFile(path, stamp, () => this.reload());
  }

  /**
   * @param name as `GEOIP_DB` has it
   * @throws UnusableDatabaseError
   */
  static async open(name: string): Promise<PlaceDatabase> {
    const path = pathOfDatabase(name);
    const stamp = await stampOf(path);
    const bytes = await readFile(path).catch((error: unknown) => {
      throw unreadable(error);
    });
    return new PlaceDatabase(path, await openDatabase(bytes), stamp);
  }

  get builtAt(): Date {
    return this.reader.metadata.buildEpoch;
  }

  /** Whether what is in the file is what is used. */
  get lastReloadSuccessful(): boolean {
    return this.lastReloadWorked;
  }

  /** @param address in canonical text. @throws when the database is damaged there */
  find(address: string): Place | undefined {
    // The library would walk the tree of IPv4 with any address.
    return this.reader.metadata.ipVersion === 4 && address.includes(':')
      ? undefined
      : placeInRecord(this.reader.get(address));
  }

  close(): void {
    this.stop();
  }

  private async reload(): Promise<void> {
    try {
      const bytes = await readFileInTime(this.path).catch((error: unknown) => {
        throw error instanceof HangingCallError ? error : unreadable(error);
      });
      this.reader = await openDatabase(bytes);
    } catch (error) {
      this.lastReloadWorked = false;
      if (error instanceof HangingCallError) {
        // It is looked at again.
        throw error;
      }
      this.logger.error(
        `GEOIP_DB ${(error as Error).message}: ${this.path}; what it held before stays in use`,
      );
      return;
    }
    this.lastReloadWorked = true;
    this.logger.log(
      `GEOIP_DB: took the new ${this.path}, which was built at ${this.builtAt.toISOString()}`,
    );
  }
}
