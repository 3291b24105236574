/** Edits within which a name counts as a misspelling of one of ours. */
const MAX_EDITS = 2;
/** The same for a short name of ours, which other names resemble by chance: `HOME` and `NODE` resemble `ROLE`. */
const MAX_EDITS_OF_SHORT = 1;
/** A name with fewer characters is short. */
const LONG_NAME = 6;

/** Names that other programs set, and that happen to be that close to one of ours. */
const COMMONPLACE: ReadonlySet<string> = new Set(['VITEST_MODE']);

/**
 * The name of ours that `name` was probably meant to be: the nearest one within the allowed edits, in any
 * case of letters. `undefined` when `name` is ours itself, or resembles none.
 */
export function nearMiss(name: string, ours: ReadonlySet<string>): string | undefined {
  if (ours.has(name) || COMMONPLACE.has(name)) {
    return undefined;
  }
  let nearest: string | undefined;
  let fewest = Infinity;
  for (const candidate of ours) {
    const allowed = candidate.length < LONG_NAME ? MAX_EDITS_OF_SHORT : MAX_EDITS;
    if (Math.abs(candidate.length - name.length) <= allowed) {
      const edits = editDistance(name.toUpperCase(), candidate);
      if (edits <= allowed && edits < fewest) {
        nearest = candidate;
        fewest = edits;
      }
    }
  }
  return nearest;
}

/**
 * How many insertions, deletions, substitutions and swaps of neighbours turn `from` into `to`, where no
 * letter is edited twice (optimal string alignment).
 */
export function editDistance(from: string, to: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1];
      const swapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      current.push(
        Math.min(
          at(previous, column) + 1,
          at(current, column - 1) + 1,
          at(previous, column - 1) + (same ? 0 : 1),
          swapped ? at(beforePrevious, column - 2) + 1 : Infinity,
        ),
      );
    }
    beforePrevious = previous;
    previous = current;
  }
  return at(previous, to.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Infinity;
}
