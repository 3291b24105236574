import { endProcess } from './end-process.js';

/**
 * SIGHUP makes the log sink open its file again; without that sink it means nothing. SIGUSR1 would open Node's
 * debugger, and SIGUSR2 would end the process without a drain.
 */
const HARMLESS = ['SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const;

/**
 * Takes the process's signals over; the first thing that `serve` does.
 * @returns the signal that asks for an orderly end, once it comes; a second one ends the process at once
 */
export function stopSignal(): Promise<NodeJS.Signals> {
  for (const signal of HARMLESS) {
    process.on(signal, () => {});
  }
  return new Promise((resolve) => {
    let isAsked = false;
    const onSignal = (signal: NodeJS.Signals): void => {
      if (isAsked) {
        void endProcess(1);
      }
      isAsked = true;
      resolve(signal);
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  });
}
