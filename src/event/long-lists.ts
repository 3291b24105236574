import type { Work } from './work.js';

/** Units between two pauses, of about 0.1 µs. */
const PIECE = 4000;
const SHORT = 16;

type Add = (made: unknown[], element: unknown) => void;

interface Unfilled {
  readonly elements: readonly unknown[];
  readonly made: unknown[];
  readonly add: Add;
}

/**
 * Lists inside the copy of a value. A long one stays empty at first, and is filled in pieces once everything around it
 * is there: what becomes of its elements must not matter to that.
 */
export class LongLists {
  private readonly unfilled: Unfilled[] = [];
  private work = 0;

  /** @param add adds what becomes of an element, if anything */
  made(elements: readonly unknown[], add: Add): unknown[] {
    const made: unknown[] = [];
    if (elements.length > SHORT) {
      this.unfilled.push({ elements, made, add });
    } else {
      elements.forEach((element) => add(made, element));
    }
    return made;
  }

  /** For what takes longer than an element does. */
  spend(units: number): void {
    this.work += units;
  }

  *fill(): Work<void> {
    // It grows while its lists are filled.
    for (const { elements, made, add } of this.unfilled) {
      for (const element of elements) {
        add(made, element);
        this.work += 1;
        if (this.work >= PIECE) {
          this.work = 0;
          yield;
        }
      }
    }
  }
}
