import { type Elements, LargeElement, PAUSE } from '../../src/ingestion/elements.js';

/** The elements themselves, without the pauses. */
export function listOf(elements: Elements): unknown[] {
  return [...elements]
    .filter((element) => element !== PAUSE)
    .map((element) => (element instanceof LargeElement ? element.value : element));
}
