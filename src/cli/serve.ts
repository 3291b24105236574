import { stopSignal } from './stop-signal.js';

export async function run(): Promise<number> {
  // The program itself takes a second to load.
  const stopped = stopSignal();
  const { serve } = await import('../main.js');
  return serve(stopped);
}
