// The least that could be called a durable pixel: node:http, the request target as it came into one log,
// group commit. No validation, no queue, no sinks, no metrics. Prints its port.
import { fdatasync, openSync, write } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const GIF = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64');
const log = openSync(process.argv[2] ?? 'plain.log', 'w');
let waiting: { line: string; done: () => void }[] = [];
let committing = false;
let offset = 0;

function commit(): void {
  const batch = waiting;
  waiting = [];
  committing = batch.length > 0;
  if (!committing) {
    return;
  }
  const bytes = Buffer.from(batch.map(({ line }) => line).join(''));
  write(log, bytes, 0, bytes.length, offset, (writeError) => {
    if (writeError) {
      throw writeError;
    }
    fdatasync(log, (syncError) => {
      if (syncError) {
        throw syncError;
      }
      offset += bytes.length;
      commit();
      for (const { done } of batch) {
        done();
      }
    });
  });
}

const server = createServer((request, response) => {
  const line = `${Date.now()} ${request.url} ${request.headers['user-agent']}\n`;
  waiting.push({
    line,
    done: () => {
      response.writeHead(200, { 'content-type': 'image/gif', 'content-length': GIF.length });
      response.end(GIF);
    },
  });
  if (committing) {
    return;
  }
  committing = true;
  setImmediate(commit);
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});
