import { type Collector, until } from '../servers/collector.js';
import type { Answer, Load } from './load.js';

export interface ShutDown {
  readonly exitCode: number | null;
  /** Answers that were neither 2xx nor a refusal to connect: 'cut' among them. */
  readonly broken: readonly Answer[];
}

/** Ends the program while the load goes on. */
export async function shutDownUnderLoad(
  collector: Collector,
  load: Load,
  signal?: NodeJS.Signals,
): Promise<ShutDown> {
  load.start(16);
  await until(() => load.acknowledged.size > 200);
  const before = load.sent.size;
  const exit = collector.stop(signal);
  await until(() => load.sent.size > before);
  const exitCode = await exit;
  await load.stop();
  return { exitCode, broken: load.others.filter((answer) => answer !== 'refused') };
}
