import { bytes, count, counted, duration, timeBefore } from './figures.js';
import type { CertificateStatus, CheckStatus, StatusReport } from './status-report.js';

export interface Verdict {
  readonly level: 'good' | 'warning' | 'bad';
  /** The first word of the sentence, and what makes it clear from afar. */
  readonly answer: string;
  /** Why, and what to do. */
  readonly sentence: string;
}

/** As the alert on certificates has it. */
export const SOON_SECONDS = 14 * 86_400;

/** Are we losing events? */
export function verdictOf(report: StatusReport): Verdict {
  return (
    whileTheProcessDoesNotRun(report) ??
    whileTheQueueTakesNothing(report) ??
    whileTheDiskHangs(report) ??
    whileRequestsFail(report) ??
    afterDamage(report) ??
    whileEventsWait(report) ?? {
      level: 'good',
      answer: 'No',
      sentence: `events are accepted, and no sink is down${notesOf(report).length > 0 ? '.' : '; there is nothing to do.'}`,
    }
  );
}

function whileTheProcessDoesNotRun({ checks }: StatusReport): Verdict | undefined {
  const { state } = checkOf(checks, 'process') ?? {};
  if (state === 'starting') {
    const sentence = 'the collector does not take events yet; if this lasts, read its log.';
    return { level: 'warning', answer: 'Starting', sentence };
  }
  if (state === 'draining') {
    const sentence =
      'new events will be answered with 503; accepted ones that are still queued are delivered after the next start, so start it again.';
    return { level: 'warning', answer: 'Shutting down', sentence };
  }
  return undefined;
}

function whileTheQueueTakesNothing({ checks, now }: StatusReport): Verdict | undefined {
  const queue = checkOf(checks, 'queue');
  if (!queue || queue.status === 'up') {
    return undefined;
  }
  const since = `for ${duration(queue.seconds)}, since ${timeBefore(now, queue.seconds)}`;
  if (queue.state !== 'full') {
    const sentence = `the queue cannot write to its disk (${queue.state} ${since}), so new events are answered with 503; look at the disk, the space and the rights of QUEUE_PATH.`;
    return { level: 'bad', answer: 'Yes', sentence };
  }
  const troubled = troubledSinks(checks);
  const sentence =
    troubled.length > 0
      ? `the queue has been full ${since}, because nothing reaches ${names(troubled)}, and new events are answered with 503; fix ${names(troubled)}, or set a larger QUEUE_MAX_MB and restart. What is queued is safe.`
      : `the queue has been full ${since}, because the sinks take less than comes in, and new events are answered with 503; make them faster, or set a larger QUEUE_MAX_MB and restart. What is queued is safe.`;
  return { level: 'bad', answer: 'Yes', sentence };
}

function whileTheDiskHangs({ queue }: StatusReport): Verdict | undefined {
  const sentence =
    'the disk of the queue does not answer, and requests with events may hang with it; look at the disk of QUEUE_PATH.';
  return queue ? undefined : { level: 'bad', answer: 'Perhaps', sentence };
}

function whileRequestsFail({ turnedAway, refusals }: StatusReport): Verdict | undefined {
  if (turnedAway.lastMinute === 0) {
    return undefined;
  }
  const reasons = new Set(
    refusals.filter(({ kind }) => kind === 'not taken').map(({ reason }) => reason),
  );
  const cause =
    reasons.size > 0
      ? `reasons since the start: ${[...reasons].join(', ')}`
      : 'too many were under way at once';
  const sentence = `${counted(turnedAway.lastMinute, 'request')} with events got an error of 500 or above in the last minute, although the queue takes events now (${cause}); what sends again loses nothing, a pixel does not send again. Look at the log and at the load.`;
  return { level: 'bad', answer: 'Yes', sentence };
}

function afterDamage({ damaged }: StatusReport): Verdict | undefined {
  if (damaged === 0) {
    return undefined;
  }
  const were = damaged === 1 ? 'event was' : 'events were';
  const sentence = `${count(damaged)} ${were} found damaged in the queue since the start and can't be delivered; find out what changed bytes of the disk or the memory. The others are delivered.`;
  return { level: 'bad', answer: 'Yes', sentence };
}

function whileEventsWait({ checks, sinks, queue }: StatusReport): Verdict | undefined {
  const troubled = troubledSinks(checks);
  if (troubled.length > 0) {
    const waiting = Math.max(
      0,
      ...sinks.filter(({ sink }) => troubled.includes(sink)).map(({ ledger }) => ledger.queued),
    );
    const fullness =
      queue && queue.capacityBytes > 0 ? `, which is ${percentFull(queue)} full` : '';
    const sentence = `nothing reaches ${names(troubled)}, and ${counted(waiting, 'event')} wait in the queue${fullness}; fix ${names(troubled)} before the queue is full.`;
    return { level: 'warning', answer: 'No, not yet', sentence };
  }
  const other = checks.find(({ status }) => status !== 'up');
  return (
    other && {
      level: other.status === 'down' ? 'bad' : 'warning',
      answer: other.status === 'down' ? 'Perhaps' : 'No, not yet',
      sentence: `${other.name} is ${other.state}; see its cause below.`,
    }
  );
}

/** What else an operator should know, the worst first. */
export function notesOf(report: StatusReport): string[] {
  const { turnedAway, queue, now } = report;
  const notes: string[] = [];
  if (turnedAway.total > 0 && turnedAway.secondsAgo !== undefined) {
    const at = timeBefore(now, turnedAway.secondsAgo);
    notes.push(
      `${counted(turnedAway.total, 'request')} with events got an error of 500 or above since the start, the latest ${duration(turnedAway.secondsAgo)} ago (${at}).`,
    );
  }
  if (queue && queue.filesystemAvailableBytes < queue.capacityBytes - queue.bytes) {
    notes.push(
      `The disk of the queue has ${bytes(queue.filesystemAvailableBytes)} left, less than the queue may still take.`,
    );
  }
  for (const { sink, ledger } of report.sinks) {
    if (ledger.deadLettered > 0) {
      notes.push(
        `${counted(ledger.deadLettered, 'event')} that ${sink} refused for what they contain: kept in its dead letters (gotrack dead-letters list).`,
      );
    }
  }
  return [...notes, ...report.certificates.flatMap((each) => certificateNotes(each, now))];
}

function certificateNotes(
  { server, notAfter, lastReloadSuccessful }: CertificateStatus,
  now: Date,
): string[] {
  const left = (notAfter.getTime() - now.getTime()) / 1000;
  const notes: string[] = [];
  if (left <= 0) {
    notes.push(`The certificate of the ${server} server ended ${duration(-left)} ago; renew it.`);
  } else if (left < SOON_SECONDS) {
    notes.push(`The certificate of the ${server} server ends in ${duration(left)}; renew it.`);
  }
  if (!lastReloadSuccessful) {
    notes.push(
      `The new certificate files of the ${server} server cannot be used; the log says why.`,
    );
  }
  return notes;
}

export function percentFull({ bytes: taken, capacityBytes }: NonNullable<StatusReport['queue']>) {
  return `${count((taken / capacityBytes) * 100)} %`;
}

function checkOf(checks: readonly CheckStatus[], name: string): CheckStatus | undefined {
  return checks.find((check) => check.name === name);
}

function troubledSinks(checks: readonly CheckStatus[]): string[] {
  return checks
    .filter(({ name, status }) => name.startsWith('sink:') && status !== 'up')
    .map(({ name }) => name.slice('sink:'.length));
}

function names(sinks: readonly string[]): string {
  return sinks.length < 2 ? sinks.join('') : `${sinks.slice(0, -1).join(', ')} and ${sinks.at(-1)}`;
}
