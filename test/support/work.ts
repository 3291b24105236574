import type { Work } from '../../src/event/work.js';
import { PAUSE, type Elements } from '../../src/ingestion/elements.js';

/** The result of a work that nobody interrupts. */
export function resultOf<T>(work: Work<T>): T {
  for (;;) {
    const step = work.next();
    if (step.done) {
      return step.value;
    }
  }
}

/** Without the pauses. */
export function listOf(elements: Elements): unknown[] {
  return [...elements].filter((element) => element !== PAUSE);
}
