import type { Outcome } from '../intake.js';

/** The JSON that tells a client what became of its events, at least one of which is valid. */
export function collectAnswer(
  { accepted, dropped, rejected }: Outcome,
  warnings: readonly string[],
): string {
  const counts = dropped > 0 ? `${accepted},"dropped":${dropped}` : `${accepted}`;
  const hints = warnings.length > 0 ? `,"warnings":${JSON.stringify(warnings)}` : '';
  return rejected.count === 0
    ? `{"status":"ok","accepted":${counts}${hints}}`
    : `{"status":"partial","accepted":${counts},"rejected":${rejected.json()}${hints}}`;
}
