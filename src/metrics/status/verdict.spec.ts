import { describe, expect, it } from 'vitest';
import type { CheckStatus, StatusReport } from './status-report.js';
import { notesOf, verdictOf } from './verdict.js';

const NOW = new Date('2026-11-26T03:00:00Z');
const LEDGER = { accepted: 9, delivered: 2, queued: 7, deadLettered: 0, purged: 0, corrupt: 0 };

function check(
  name: string,
  state: string,
  status: CheckStatus['status'] = 'up',
  seconds = 60,
): CheckStatus {
  return { name, state, status, seconds };
}

const RUNNING = check('process', 'running');
const ACCEPTING = check('queue', 'accepting');
const DOWN = check('sink:kafka', 'down', 'degraded');

function report(given: Partial<StatusReport> = {}): StatusReport {
  return {
    version: '1',
    revision: 'a',
    now: NOW,
    uptimeSeconds: 100,
    checks: [RUNNING, ACCEPTING, check('sink:log', 'up')],
    queue: { bytes: 430, capacityBytes: 1000, filesystemAvailableBytes: 10_000 },
    sinks: [
      { sink: 'log', ledger: { ...LEDGER, queued: 1 }, oldestEventAgeSeconds: 1 },
      { sink: 'kafka', ledger: LEDGER, oldestEventAgeSeconds: 1 },
    ],
    endpoints: [],
    refusals: [],
    turnedAway: { lastMinute: 0, total: 0, secondsAgo: undefined },
    damaged: 0,
    certificates: [],
    ...given,
  };
}

function said(given: Partial<StatusReport>): string {
  const { level, answer, sentence } = verdictOf(report(given));
  return `${level}: ${answer}: ${sentence}`;
}

describe('are we losing events?', () => {
  it('no, while the queue accepts and no sink is down', () => {
    expect(said({})).toBe(
      'good: No: events are accepted, and no sink is down; there is nothing to do.',
    );
  });

  it('yes, while the queue is full: since when, for which sink, and what to do', () => {
    const full = check('queue', 'full', 'down', 7_500);
    expect(said({ checks: [RUNNING, full, DOWN] })).toMatch(
      /^bad: Yes: the queue has been full for 2 h 5 min, since 2026-11-26 00:55:00 UTC, because nothing reaches kafka, .* fix kafka, or set a larger QUEUE_MAX_MB/,
    );
    expect(said({ checks: [RUNNING, full] })).toMatch(/because the sinks take less than comes in/);
  });

  it('yes, while the disk of the queue fails', () => {
    const failing = check('queue', 'failing', 'down');
    expect(said({ checks: [RUNNING, failing, DOWN] })).toMatch(
      /^bad: Yes: the queue cannot write to its disk \(failing for 1 min, .*QUEUE_PATH/,
    );
  });

  it('yes, when requests were turned away within the last minute, whatever the state is now', () => {
    const turnedAway = { lastMinute: 1_200, total: 2_000, secondsAgo: 3 };
    const refused = { endpoint: '/collect', kind: 'not taken', reason: 'disk', events: 4 } as const;
    expect(said({ turnedAway, refusals: [refused], checks: [RUNNING, ACCEPTING, DOWN] })).toMatch(
      /^bad: Yes: 1,200 requests with events .* last minute, .*\(reasons since the start: disk\)/,
    );
    expect(said({ turnedAway })).toMatch(/too many were under way at once/);
  });

  it('yes, when events were found damaged', () => {
    expect(said({ damaged: 1 })).toMatch(/^bad: Yes: 1 event was found damaged/);
    expect(said({ damaged: 2 })).toMatch(/^bad: Yes: 2 events were found damaged/);
  });

  it('not yet, while a sink is down or a lane holds: how many wait, and how full the queue is', () => {
    expect(said({ checks: [RUNNING, ACCEPTING, DOWN] })).toBe(
      'warning: No, not yet: nothing reaches kafka, and 7 events wait in the queue, which is 43 % full; fix kafka before the queue is full.',
    );
    const holding = check('sink:log', 'holding', 'degraded');
    expect(said({ checks: [RUNNING, ACCEPTING, DOWN, holding] })).toMatch(
      /nothing reaches kafka and log, and 7 events wait in the queue, which/,
    );
  });

  it('says what it cannot judge', () => {
    expect(said({ queue: undefined })).toMatch(/^bad: Perhaps: the disk of the queue does not/);
    const other = check('dead letters', 'unwritable', 'degraded');
    expect(said({ checks: [RUNNING, ACCEPTING, other] })).toMatch(
      /^warning: No, not yet: dead letters is unwritable/,
    );
    expect(said({ checks: [RUNNING, ACCEPTING, { ...other, status: 'down' }] })).toMatch(
      /^bad: Perhaps: dead letters/,
    );
    expect(said({ checks: [check('process', 'starting', 'down')] })).toMatch(/^warning: Starting/);
    expect(said({ checks: [check('process', 'draining', 'down')] })).toMatch(
      /^warning: Shutting down/,
    );
  });
});

describe('notes', () => {
  it('are none while there is nothing to know', () => {
    expect(notesOf(report())).toEqual([]);
  });

  it('tell of what was turned away earlier, of dead letters and of a disk that is too small', () => {
    const sinks = [
      { sink: 'log', ledger: { ...LEDGER, deadLettered: 3 }, oldestEventAgeSeconds: 0 },
    ];
    const notes = notesOf(
      report({
        sinks,
        turnedAway: { lastMinute: 0, total: 5, secondsAgo: 3_600 },
        queue: { bytes: 0, capacityBytes: 1_000, filesystemAvailableBytes: 999 },
      }),
    );
    expect(notes).toEqual([
      expect.stringMatching(/^5 requests .*latest 1 h ago \(2026-11-26 02:00:00 UTC\)/),
      expect.stringMatching(/^The disk of the queue has 999 B left/),
      expect.stringMatching(/^3 events that log refused .*dead-letters list/),
    ]);
  });

  it('tell of certificates that end within 14 days or have ended, and of files that cannot be used', () => {
    const certificate = (days: number, lastReloadSuccessful = true) => ({
      server: 'metrics',
      notAfter: new Date(NOW.getTime() + days * 86_400_000),
      lastReloadSuccessful,
    });
    expect(
      notesOf(report({ certificates: [certificate(15), certificate(13), certificate(-2)] })),
    ).toEqual([
      'The certificate of the metrics server ends in 13 d; renew it.',
      'The certificate of the metrics server ended 2 d ago; renew it.',
    ]);
    expect(notesOf(report({ certificates: [certificate(15, false)] }))).toEqual([
      'The new certificate files of the metrics server cannot be used; the log says why.',
    ]);
  });
});
