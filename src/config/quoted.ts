/** Why a value in quotes is refused: an env file's own quotes are gone before it is looked at. */
export const QUOTED =
  'begins and ends with quotes, which are part of the value where it comes from (docker run --env-file keeps them); remove the quotes';

export function isQuoted(text = ''): boolean {
  return /^(?<quote>["'`]).*\k<quote>$/s.test(text);
}
