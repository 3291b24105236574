import { Logger } from '@nestjs/common';
import type { Sink } from '../sinks/sink.js';
import { withTimeout } from '../threads/with-timeout.js';

/** A sink that hangs must not keep the process. */
const CLOSE_TIMEOUT_MS = 1000;

export async function closeSink(name: string, sink: Sink): Promise<void> {
  const late = new Error(`the sink did not close within ${CLOSE_TIMEOUT_MS} ms`);
  try {
    await withTimeout(sink.close(), CLOSE_TIMEOUT_MS, () => late);
  } catch (error) {
    if (error !== late) {
      throw error;
    }
    new Logger(`Lane ${name}`).warn(late.message);
  }
}
