/** Edits at which a name still counts as a slip of one of ours. */
const MAX_EDITS = 2;

/** Names that other programs put into the environment of theirs, and that happen to be that close to ours. */
const COMMONPLACE: ReadonlySet<string> = new Set(['VITEST_MODE']);

/**
 * The name of ours that `name` was probably meant to be: within two edits in any case, the nearest
 * one. `undefined` when it is ours, or no slip.
 */
export function nearMiss(name: string, ours: ReadonlySet<string>): string | undefined {
  if (ours.has(name) || COMMONPLACE.has(name)) {
    return undefined;
  }
  let nearest: string | undefined;
  let fewest = MAX_EDITS + 1;
  for (const candidate of ours) {
    if (Math.abs(candidate.length - name.length) <= MAX_EDITS) {
      const edits = editDistance(name.toUpperCase(), candidate);
      if (edits < fewest) {
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
