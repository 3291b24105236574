import { Logger } from '@nestjs/common';
import type { Sink } from '../sinks/sink.js';

/** A sink that hangs must not keep the process. */
const CLOSE_TIMEOUT_MS = 1000;

export async function closeSink(name: string, sink: Sink): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      new Logger(`Lane ${name}`).warn(`the sink did not close within ${CLOSE_TIMEOUT_MS} ms`);
      resolve();
    }, CLOSE_TIMEOUT_MS);
  });
  try {
    await Promise.race([sink.close(), timeout]);
  } finally {
    clearTimeout(timer);
  }
}
