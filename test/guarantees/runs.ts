/** `npm test` runs the short form, `npm run test:guarantees` the full one. */
export const isFull = process.env['GUARANTEES'] === 'full';

/** How often a random check runs. */
export function runs(short: number, full: number): number {
  return isFull ? full : short;
}
