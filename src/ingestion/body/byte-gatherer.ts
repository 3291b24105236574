/**
 * Joins the pieces of a body in one buffer that grows by doubling: a list of pieces of one byte each
 * would take a hundred times what they hold.
 */
export class ByteGatherer {
  private buffer: Buffer = Buffer.alloc(0);
  private length = 0;

  append(piece: Buffer): void {
    const length = this.length + piece.length;
    if (this.length === 0) {
      // Most bodies come in one piece.
      this.buffer = piece;
    } else {
      if (length > this.buffer.length) {
        const grown = Buffer.allocUnsafeSlow(Math.max(length, this.buffer.length * 2));
        this.buffer.copy(grown, 0, 0, this.length);
        this.buffer = grown;
      }
      piece.copy(this.buffer, this.length);
    }
    this.length = length;
  }

  /** All of it; nothing may be appended afterwards. */
  get bytes(): Buffer {
    return this.buffer.subarray(0, this.length);
  }
}
