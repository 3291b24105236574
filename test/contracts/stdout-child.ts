import { createInterface } from 'node:readline';
import { StdoutSink } from '../../src/sinks/log/stdout-sink.js';
import { RetryableSinkError } from '../../src/sinks/sink.js';

/**
 * Writes to its standard output, through the sink, the batch that each line of its standard input holds (an array of
 * JSON texts), and says on standard error what became of it. Ends with its standard input.
 */
const sink = new StdoutSink();
await sink.open();
for await (const line of createInterface({ input: process.stdin })) {
  const texts = JSON.parse(line) as string[];
  const batch = texts.map((text, position) => ({ position, json: Buffer.from(text) }));
  const outcome = await sink.write(batch).then(
    () => 'written',
    (error: unknown) =>
      error instanceof RetryableSinkError ? `${error.errorType} ${error.message}` : String(error),
  );
  const check = await sink.check().then(
    () => 'up',
    () => 'down',
  );
  process.stderr.write(`${check} ${outcome}\n`);
}
await sink.close();
