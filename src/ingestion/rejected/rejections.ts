import { REJECTED } from '../../disk/dead-letter-paths.js';
import { encodeLine } from '../../event/dead-letter-line.js';
import type { RejectionReason } from '../../event/reasons.js';
import type { Rejection } from '../../event/rejection.js';

/** Characters of the client's list that are gathered before they become bytes. */
const PIECE = 16 * 1024;

/** The rejected elements of a request, as bytes: while its valid events wait for the disk, nothing else is kept. */
export class Rejections {
  readonly byReason = new Map<RejectionReason, number>();
  count = 0;
  private kept: Buffer[] = [];
  private keptBytes = 0;
  private readonly pieces: Buffer[] = [];
  private piece = '';
  private toldBytes = 0;

  /** @param index its place in the request */
  add(index: number, rejection: Rejection): void {
    const { reason, errors } = rejection;
    const told = JSON.stringify({ index, errors });
    this.piece += this.count === 0 ? told : `,${told}`;
    this.toldBytes += told.length + 1;
    if (this.piece.length > PIECE) {
      this.pieces.push(Buffer.from(this.piece));
      this.piece = '';
    }
    this.count += 1;
    this.byReason.set(reason, (this.byReason.get(reason) ?? 0) + 1);
    const line = rejectedLine(rejection);
    this.kept.push(line);
    this.keptBytes += line.length;
  }

  /** For `rejected.ndjson`. */
  get lines(): readonly Buffer[] {
    return this.kept;
  }

  /** What it holds. */
  get bytes(): number {
    return this.keptBytes + this.toldBytes;
  }

  /** @returns how many there were */
  discardLines(): number {
    const { length } = this.kept;
    this.kept = [];
    this.keptBytes = 0;
    return length;
  }

  /** What the client is told: `[{"index","errors":["path: reason"]}]`. */
  json(): string {
    return `[${this.pieces.map(String).join('')}${this.piece}]`;
  }
}

/** As it stands in `rejected.ndjson`. */
export function rejectedLine({ reason, errors, event }: Rejection): Buffer {
  return encodeLine(REJECTED, { reason, error: errors.join('; '), event: event ?? null });
}
