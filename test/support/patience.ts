/** It ends what hangs. What is only slow, on a machine that does other things too, is no failure. */
export const PATIENCE_MS = 180_000;
