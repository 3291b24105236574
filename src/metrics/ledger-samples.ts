import { LEDGER_STATES } from './instruments.js';
import type { LaneStats, Ledger } from './pipeline-observer.js';

type LedgerSample = readonly [{ readonly sink: string; readonly state: string }, number];

/** A number for each state that there is. */
export function ledgerSamples({ sink, ledger }: LaneStats): readonly LedgerSample[] {
  return LEDGER_STATES.flatMap((state) => {
    const events = inState(ledger, state);
    return events === undefined ? [] : [[{ sink, state }, events] as const];
  });
}

function inState(ledger: Ledger, state: (typeof LEDGER_STATES)[number]): number | undefined {
  return state === 'dead_lettered' ? ledger.deadLettered : ledger[state];
}
