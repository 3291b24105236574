import { PAUSE, type Elements, type Work } from '../../src/ingestion/work.js';

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
