/** What scripts write for a value that they do not have. */
const NO_VALUE = /^(?:|undefined|null|nan|\[object \w{1,50}\])$/;
/** Marks around names that a template or a tag manager did not fill in. */
const PLACEHOLDERS = [
  ['{{', '}}'],
  ['${', '}'],
  ['%%', '%%'],
] as const;

/** Whether a text can be the id of one event: else each event that has it would count as the same. */
export function isEventId(text: string): boolean {
  return (
    !NO_VALUE.test(text.trim().toLowerCase()) &&
    !PLACEHOLDERS.some(([open, close]) => holdsPair(text, open, close))
  );
}

function holdsPair(text: string, open: string, close: string): boolean {
  const openAt = text.indexOf(open);
  return openAt !== -1 && text.includes(close, openAt + open.length);
}
