import { withoutCredentialsInList } from '../../event/credentials.js';
import { encodeInPieces, encodeText } from '../../event/encode.js';
import { EncodedList } from '../../event/encoded-list.js';
import { survey } from '../../event/limits.js';
import type { Sanitizer } from '../../event/sanitize.js';
import type { Work } from '../../event/work.js';

/** Encodes a list of a client's own data as its elements are read, for which no field rule is. */
export class ListEncoder {
  private readonly pieces: string[] = [];
  private isStorable = true;

  constructor(private readonly sanitizer: Sanitizer | undefined) {}

  /** @param hasLongTexts each of which may take long */
  *add(elements: readonly unknown[], hasLongTexts: boolean): Work<void> {
    this.isStorable &&= survey(elements)?.hasUnstorable === false;
    const sanitized = this.sanitizer ? yield* this.sanitizer.listInPieces(elements) : elements;
    const list = withoutCredentialsInList(sanitized);
    const json = hasLongTexts ? yield* encodeInPieces(list) : encodeText(list);
    this.pieces.push(json.slice(1, -1));
  }

  get list(): EncodedList {
    return new EncodedList(`[${this.pieces.join(',')}]`, this.isStorable);
  }
}
