/** Characters. No fault is looked for in a longer text: a hint is not worth everyone's time. */
const SEARCHED = 65_536;

const token =
  /[ \t\n\r]*(?:"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null|[{}[\],:])/y;

/**
 * Where JSON.parse stumbled, without a piece of the text: `at position 17`, or `it ends too early`.
 * The engine's message names the position of most faults; for a token in a wrong place it quotes the
 * text instead, and the position is found here.
 */
export function faultOf(json: string, error: SyntaxError): string {
  const position = / at position (\d+)/.exec(error.message)?.[1];
  if (position !== undefined) {
    return `at position ${position}`;
  }
  if (error.message.startsWith('Unexpected end')) {
    return 'it ends too early';
  }
  const found = json.length > SEARCHED ? undefined : misplacedToken(json);
  return found === undefined ? 'it is not JSON' : faultAt(json, found);
}

/** The same, for a position that is known. */
export function faultAt(json: string, position: number): string {
  return position < json.length ? `at position ${position}` : 'it ends too early';
}

/** The first thing that is no token of JSON, or a separator or closing bracket where a value belongs. */
function misplacedToken(json: string): number | undefined {
  let before = ',';
  token.lastIndex = 0;
  for (let start = 0; start < json.length; start = token.lastIndex) {
    const text = token.exec(json)?.[0].trimStart();
    if (text === undefined) {
      return start + json.slice(start).search(/[^ \t\n\r]/);
    }
    const wantsValue = before === ',' || before === ':';
    if (
      (wantsValue && ['}', ']', ',', ':'].includes(text)) ||
      (before === '[' && [',', ':', '}'].includes(text))
    ) {
      return token.lastIndex - 1;
    }
    before = text;
  }
  return undefined;
}
