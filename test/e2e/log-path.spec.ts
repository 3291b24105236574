import { readFile } from 'node:fs/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  type Collector,
  type LoggedEvent,
  until,
  Workplace,
} from '../support/servers/collector.js';
import { sendEvent } from '../support/servers/send-event.js';

let workplace: Workplace;

beforeEach(async () => {
  workplace = await Workplace.create();
});

afterEach(() => workplace.remove());

/** Each with a queue of its own, all with one `LOG_PATH`. */
function start(name: string): Promise<Collector> {
  return workplace.start({
    LOG_PATH: workplace.path('events.ndjson'),
    QUEUE_PATH: workplace.path(name, 'queue'),
    DEAD_LETTER_PATH: workplace.path(name, 'dead-letters'),
  });
}

it('has one owner: a second process queues its events, says why, and delivers once the first has gone', async () => {
  const first = await start('first');
  await until(async () => (await first.metric('gotrack_sink_up', { sink: 'log' })) === 1);
  await sendEvent(first, 'from-first', 'collect');
  await first.drained();
  const second = await start('second');

  await sendEvent(second, 'from-second', 'collect');
  await until(() => second.log.some((line) => line.includes('belongs to another running GoTrack')));
  const ready = await fetch(`${second.url}/readyz`);
  expect(ready.status).toBe(200);
  expect(await ready.json()).toMatchObject({ status: 'degraded' });
  expect(await second.metric('gotrack_queue_depth', { sink: 'log' })).toBe(1);
  await sendEvent(first, 'from-first-again', 'collect');
  await first.drained();
  await first.kill();
  await second.drained();

  const lines = (await readFile(workplace.path('events.ndjson'), 'utf8')).trim().split('\n');
  expect(lines.map((line) => (JSON.parse(line) as LoggedEvent).event_id)).toEqual([
    'from-first',
    'from-first-again',
    'from-second',
  ]);
});
