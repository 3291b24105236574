/** How often a random check runs: `npm test` runs the short form, `npm run test:guarantees` the full one. */
export function runs(short: number, full: number): number {
  return process.env['GUARANTEES'] === 'full' ? full : short;
}
