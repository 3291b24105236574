import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { loadOptions } from '../config/load-options.js';
import { RoleOptions } from '../config/role.options.js';
import { assertPrivate, tailSocket } from '../disk/tail-socket.js';
import { QueueingOptions } from '../queueing/queueing.options.js';
import type { Options, Values } from './command.js';
import { complain } from './print.js';

interface ShownEvent {
  readonly event_id: string;
  readonly received_at: string;
  readonly type: string;
  readonly route?: { readonly domain?: string; readonly path?: string };
  readonly server?: { readonly source?: string };
}

/** What a client sent must not move the cursor of a terminal. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** Shows events from now on, until the collector or the reader ends. */
export async function run(options: Options, _argument: string, values: Values): Promise<number> {
  if (loadOptions(RoleOptions).role === 'deliver') {
    throw new Error('ROLE=deliver accepts no events: run this command where ROLE is ingest or all');
  }
  const socket = await connected(loadOptions(QueueingOptions).path);
  // A reader such as `head` has seen enough.
  process.stdout.on('error', () => process.exit(0));
  for await (const line of createInterface({ input: socket, crlfDelay: Infinity })) {
    if (line.startsWith('#')) {
      complain(`${line.slice(1)} event(s) left out: this end reads too slowly`);
      continue;
    }
    const event = JSON.parse(line) as ShownEvent;
    if (isWanted(event, values)) {
      await write(options.has('json') ? line : summary(event));
    }
  }
  complain(
    'the collector has closed the connection: it has stopped, or shows events to eight others',
  );
  return 0;
}

async function connected(queuePath: string): Promise<Socket> {
  const { directory, path, isTemporary } = tailSocket(queuePath);
  try {
    if (isTemporary) {
      await assertPrivate(directory, (await stat(queuePath)).uid);
    }
    const socket = connect(path);
    await once(socket, 'connect');
    return socket;
  } catch (error) {
    throw new Error(
      `no collector that runs with QUEUE_PATH ${queuePath} can be reached: ${(error as Error).message}. ` +
        `This command runs as uid ${process.getuid?.()}, which must be the collector's`,
      { cause: error },
    );
  }
}

function isWanted({ type, server }: ShownEvent, wanted: Values): boolean {
  return (
    (wanted.type === undefined || type === wanted.type) &&
    (wanted.source === undefined || (server?.source ?? 'none') === wanted.source)
  );
}

function summary({ event_id, received_at, type, route, server }: ShownEvent): string {
  const page = `${route?.domain ?? ''}${route?.path ?? ''}`;
  return [received_at, type, server?.source ?? '-', event_id, page]
    .join(' ')
    .trimEnd()
    .replaceAll(UNPRINTABLE, '\u{FFFD}');
}

/** Waits for whom it writes to: what comes meanwhile, the collector counts as left out. */
async function write(line: string): Promise<void> {
  if (!process.stdout.write(`${line}\n`)) {
    await once(process.stdout, 'drain');
  }
}
