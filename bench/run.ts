// `npm run bench` measures everything, `npm run bench -- postgres` one thing.
const BENCHES: Readonly<Record<string, () => Promise<{ run(): Promise<void> }>>> = {
  intake: () => import('./intake.js'),
  postgres: () => import('./postgres.js'),
  kafka: () => import('./kafka.js'),
  scrape: () => import('./scrape.js'),
  backlog: () => import('./backlog.js'),
  overload: () => import('./overload.js'),
  loop: () => import('./loop.js'),
  enrichment: () => import('./enrichment.js'),
  'enrichment-start': () => import('./enrichment-start.js'),
  admission: () => import('./admission.js'),
  fleet: () => import('./fleet.js'),
  segment: () => import('./segment.js'),
};

const chosen = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(BENCHES);
const unknown = chosen.filter((name) => !BENCHES[name]);
if (unknown.length > 0) {
  throw new Error(`${unknown.join()}: there is ${Object.keys(BENCHES).join(', ')}`);
}
for (const name of chosen) {
  console.log(`# ${name}\n`);
  await (await BENCHES[name]?.())?.run();
  console.log();
}
