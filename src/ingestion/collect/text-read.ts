const QUOTE = 0x22;
const PERCENT = 0x25;
const EQUALS = 0x3d;
const AT = 0x40;
const BACKSLASH = 0x5c;
const SMALL_U = 0x75;

/** Looks into a text between quotes, in pieces, without making a string of it. */
export class TextRead {
  /** Characters, escapes decoded. */
  length = 0;
  /** How many of them stand before the last @; -1 when there is none. */
  at = -1;
  /** Whether a sanitizer may change it. */
  mayHoldParameter = false;
  /** Where its closing quote stands. */
  end = 0;
  private start = 0;
  private isEscaped = false;

  /** @param start after the opening quote */
  begin(start: number): void {
    this.start = start;
    this.end = start;
    this.length = 0;
    this.at = -1;
    this.mayHoldParameter = false;
    this.isEscaped = false;
  }

  /** @returns whether its end is reached */
  continues(text: string, until: number): boolean {
    let { end, length } = this;
    while (end < until) {
      let code = text.charCodeAt(end);
      if (code === QUOTE) {
        break;
      }
      if (code === BACKSLASH) {
        this.isEscaped = true;
        const isUnicode = text.charCodeAt(end + 1) === SMALL_U;
        code = isUnicode ? Number.parseInt(text.slice(end + 2, end + 6), 16) : code;
        end += isUnicode ? 6 : 2;
      } else {
        end += 1;
      }
      if (code === AT) {
        this.at = length;
      }
      this.mayHoldParameter ||= code === EQUALS || code === PERCENT;
      length += 1;
    }
    this.end = end;
    this.length = length;
    return text.charCodeAt(end) === QUOTE && end < until;
  }

  of(text: string): string {
    const raw = text.slice(this.start, this.end);
    return this.isEscaped ? (JSON.parse(`"${raw}"`) as string) : raw;
  }
}
