/** When the process started, in seconds since the epoch. */
export const PROCESS_START_SECONDS = performance.timeOrigin / 1000;
