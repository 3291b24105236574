/** No pattern for User-Agents matches it, so that all are tried. */
export const UNKNOWN_USER_AGENT = '-';

/**
 * V8 compiles a pattern at its first use and again at its second: 10 ms for a list of them, which no request is to wait for.
 * @param look tries all patterns
 */
export function compilePatterns(look: () => unknown): void {
  look();
  look();
}
