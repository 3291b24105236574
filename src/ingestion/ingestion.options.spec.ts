import { describe, expect, it } from 'vitest';
import { settingsOf } from '../config/setting.js';
import { fieldPaths } from './field-paths.js';
import { IngestionOptions } from './ingestion.options.js';

it('keeps its secrets secret', () => {
  expect(settingsOf(IngestionOptions).filter(({ secret }) => secret)).toEqual([
    expect.objectContaining({ name: 'IP_HASH_SECRET' }),
    expect.objectContaining({ name: 'HASH_SECRET' }),
  ]);
});

describe('DROP_FIELDS and HASH_FIELDS', () => {
  const faults = (options: Partial<IngestionOptions>) =>
    Object.assign(new IngestionOptions(), options).faults();

  it.each([
    [['props.email', 'user.traits.*', 'session', 'server.ip', '*.email', 'event_id.x'], []],
    [['ts'], ['ts']],
    [
      ['props.a', 'server', 'type'],
      ['type', 'server'],
    ],
    [['*'], ['event_id', 'ts', 'received_at', 'type', 'server']],
  ])('that are %j cannot drop %j', (dropFields, fields) => {
    expect(faults({ dropFields })).toEqual(
      fields.map((field) => ({
        name: 'DROP_FIELDS',
        reason: `names ${field}, which must stay as it is`,
      })),
    );
  });

  it.each([
    [['props.*', 'user', 'session.visitor_id', 'device.languages', 'route', 'server.ip'], []],
    [['session.session_seq'], ['session.session_seq']],
    [['session'], ['session.session_seq']],
    [['*.query_size', 'url.*'], ['url.query_size']],
    [['device.screens.width'], ['device.screens.width']],
    [['device.ua_*', 'device.ua_mobile'], ['device.ua_mobile']],
  ])('that are %j cannot hash %j', (hashFields, fields) => {
    expect(faults({ hashFields, hashSecret: 'S' })).toEqual(
      fields.map((field) => ({
        name: 'HASH_FIELDS',
        reason: `names ${field}, which is not a text`,
      })),
    );
  });

  it('need HASH_SECRET for hashes', () => {
    expect(faults({ hashFields: ['user.id'] })).toEqual([
      { name: 'HASH_FIELDS', reason: 'needs HASH_SECRET' },
    ]);
  });

  it.each(['a..b', '.a', 'a.', 'props.e mail'])('are refused where a path is none: %s', (path) => {
    expect(() => fieldPaths(`props.a,${path}`)).toThrow('must be a comma list of paths');
  });
});
