/** Characters: V8 copies a shorter part of a text. */
const LEAST_PART = 13;

/**
 * The same text in a piece of its own. A part of a longer text is none for V8, which writes an object with a single
 * one as JSON in more than twice the time; and it keeps the longer text in memory.
 */
export function flatText(text: string): string {
  return text.length < LEAST_PART ? text : [text.slice(0, 1), text.slice(1)].join('');
}
