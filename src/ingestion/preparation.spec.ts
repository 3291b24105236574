import { describe, expect, it } from 'vitest';
import { RecordingObserver } from '../../test/support/fakes/recording-observer.js';
import { resultOf } from '../event/work.js';
import type { Fields } from '../event/fields.js';
import { createSanitizer } from '../event/sanitize.js';
import { AdmissionOptions } from './admission/admission.options.js';
import { apiKeys } from './admission/api-key.js';
import { Enrichment } from './enrichment/enrichment.js';
import { IngestionOptions } from './ingestion.options.js';
import { Preparation } from './preparation.js';

const FACTS = { receivedAtMs: Date.now(), headers: {}, query: '', address: undefined };

/** What is stored or kept of an element, by a collector with keys. */
function preparedWithKeys(element: unknown, sanitizeParams: readonly string[] = []): unknown {
  const preparation = new Preparation(
    Object.assign(new IngestionOptions(), { sanitizeParams }),
    Object.assign(new AdmissionOptions(), { apiKeys: apiKeys('shop:K') }),
    new Enrichment([], new RecordingObserver()),
    createSanitizer(sanitizeParams),
  );
  const { events, rejections } = resultOf(preparation.ofRequest('/collect', [element], FACTS));
  const [line] = rejections.lines;
  return line
    ? (JSON.parse(line.toString()) as { event: unknown }).event
    : JSON.parse(String(events[0]));
}

describe('a key inside an event', () => {
  it.each<[object, object]>([
    [
      { props: { page: 'https://a.example/?x=1&gt_key=hunter2' } },
      { props: { page: 'https://a.example/?x=1' } },
    ],
    [
      { props: { page: 'https%3A%2F%2Fa.example%2F%3Fgt_key%3Dhunter2' } },
      { props: { page: 'https%3A%2F%2Fa.example%2F' } },
    ],
    [{ props: { list: ['a', { deep: '?%67t%5Fkey=hunter2' }] } }, { props: { list: ['a', {}] } }],
    [{ url: { raw_query: 'x=1&GT_KEY=hunter2' } }, { url: { raw_query: 'x=1', query_size: 3 } }],
    [{ route: { query: { 'gt_key[]': 'hunter2', x: '1' } } }, { route: { query: { x: '1' } } }],
    [{ type: 7, url: { raw_query: 'gt_key=hunter2' } }, { type: 7 }],
  ])('is neither stored nor kept: %j', (element, left) => {
    for (const sanitizeParams of [[], ['token']]) {
      const prepared = preparedWithKeys(element, sanitizeParams);
      expect(prepared).toMatchObject(left);
      expect(JSON.stringify(prepared)).not.toContain('hunter2');
    }
  });

  it('takes nothing along that only looks like one', () => {
    const props = { text: 'set gt_key in the query', address: 'https://a.example/?x=gt_key' };
    expect(preparedWithKeys({ props })).toMatchObject({ props });
  });
});

describe('a rejected event that is validated again', () => {
  const options = (settings: Partial<IngestionOptions>) =>
    new Preparation(
      Object.assign(new IngestionOptions(), settings),
      new AdmissionOptions(),
      new Enrichment([], new RecordingObserver()),
      undefined,
    );
  const settings = { hashFields: ['user.id', 'email'], hashSecret: 'S' };

  it('has the hashes that it would have had at first', () => {
    const preparation = options(settings);
    const event = { user: { id: 'u-1' }, email: 'e@x.example' };
    const { rejections, events } = resultOf(
      preparation.ofRequest(
        '/collect',
        [
          { ...event, type: 5 },
          { ...event, type: 't' },
        ],
        FACTS,
      ),
    );
    const kept = (JSON.parse(String(rejections.lines[0])) as { event: Fields }).event;
    const again = preparation.ofKept({ ...kept, type: 't' });
    const plain = ({ user, props, server }: Fields) => ({ user, props, server });
    expect(plain(JSON.parse(String(again.json)) as Fields)).toEqual(
      plain(JSON.parse(String(events[0])) as Fields),
    );
    const stillRejected = preparation.ofKept(kept).rejected?.event;
    expect(JSON.parse(String(stillRejected))).toEqual(kept);
  });

  it('loses the address that was kept with it once, and names no client', () => {
    const context = { ip: '203.0.113.7', userAgent: 'UA', app: 'a' };
    const { json } = options({}).ofKept({ type: 't', context, server: { ip: '192.0.2.0' } });
    expect(JSON.parse(String(json))).toMatchObject({
      props: { context: { userAgent: 'UA', app: 'a' } },
      server: { ip: '192.0.2.0' },
    });
    expect(String(json)).not.toContain('203.0.113.7');
  });

  it('is hashed when it was kept without', () => {
    const before = options({});
    const { rejections } = resultOf(
      before.ofRequest('/collect', [{ type: 5, user: { id: 'u-1' } }], FACTS),
    );
    const kept = (JSON.parse(String(rejections.lines[0])) as { event: Fields }).event;
    expect(String(options(settings).ofKept({ ...kept, type: 't' }).json)).not.toContain('u-1');
  });
});
