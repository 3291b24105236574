import { setImmediate as nextTurn } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';

/** Characters. A text of this length is parsed, at worst, in about 10 ms. */
const LARGE = 64 * 1024;

/**
 * Lets one large body be parsed in each turn of the event loop. Bodies that end at the same moment would
 * all be parsed in one turn otherwise, and 64 MiB of them take seconds in which nobody else is served.
 */
@Injectable()
export class ParsingTurns {
  private last: Promise<void> = Promise.resolve();

  /** Resolves when a text of this length may be parsed, at once. */
  next(length: number): Promise<void> | undefined {
    if (length < LARGE) {
      return undefined;
    }
    this.last = this.last.then(() => nextTurn());
    return this.last;
  }
}
