import type { ServerFields } from '../../event/prepare-event.js';
import type { BotVerdict } from '../../event/reasons.js';

/** As it stands in `server.bot`. */
export interface BotFinding {
  readonly verdict: BotVerdict;
  /** The bot's, as it calls itself. */
  readonly name?: string;
  /** What speaks for the verdict. */
  readonly reasons?: readonly string[];
}

export function verdictOf(server: ServerFields | undefined): BotVerdict | undefined {
  return (server?.['bot'] as BotFinding | undefined)?.verdict;
}
