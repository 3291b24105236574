import { createHash } from 'node:crypto';
import { bytes, count, duration, rate, time, timeBefore } from './figures.js';
import { html, Html, type HtmlPart } from './html.js';
import type { CheckStatus, StatusReport } from './status-report.js';
import { STYLE } from './style.js';
import { notesOf, percentFull, SOON_SECONDS, verdictOf } from './verdict.js';

const REFRESH_SECONDS = 10;

/** Nothing but the page's own style: should a text ever get through unescaped, it could do nothing. */
export const CONTENT_SECURITY_POLICY = [
  `default-src 'none'`,
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  `base-uri 'none'`,
  `form-action 'none'`,
  `frame-ancestors 'none'`,
].join('; ');

/** In one piece: its hash counts every blank. */
const STYLE_ELEMENT = new Html(`<style>${STYLE}</style>`);

/** @param withFigures without them, it says no more than `/readyz` does */
export function renderStatusPage(report: StatusReport, withFigures: boolean): string {
  const { answer } = verdictOf(report);
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta http-equiv="refresh" content="${REFRESH_SECONDS}" />
        <title>${answer} – GoTrack</title>
        ${STYLE_ELEMENT}
      </head>
      <body>
        ${header(report)}
        <main>
          ${verdict(report)} ${withFigures ? notes(report) : ''} ${checks(report)}
          ${withFigures ? figures(report) : signIn()}
        </main>
        <nav>
          <a href="/metrics">Metrics</a> <a href="/healthz">Alive</a> <a href="/readyz">Ready</a>
          <span>What to do: <code>docs/operations/alerts.md</code></span>
          <span>Metrics: <code>docs/metrics.md</code></span>
        </nav>
      </body>
    </html> `.text;
}

function signIn(): Html {
  return html`<p>
    <a href="/?figures">Sign in for the figures</a>: any name, and the token of
    <code>METRICS_BEARER_TOKEN</code> as the password.
  </p>`;
}

function header({ version, revision, now, uptimeSeconds }: StatusReport): Html {
  return html`<header>
    <h1>GoTrack ${version}</h1>
    <span class="dim">revision ${revision.slice(0, 12)}</span>
    <span class="dim"
      >up for ${duration(uptimeSeconds)}, since ${timeBefore(now, uptimeSeconds)}</span
    >
    <span class="dim">as of ${time(now)}, again every ${REFRESH_SECONDS} s</span>
  </header>`;
}

function verdict(report: StatusReport): Html {
  const { level, answer, sentence } = verdictOf(report);
  return html`<section class="verdict ${level}">
    <h2>Are we losing events?</h2>
    <p><strong>${answer}:</strong> ${sentence}</p>
  </section>`;
}

function notes(report: StatusReport): Html {
  const found = notesOf(report);
  return found.length === 0
    ? html``
    : html`<ul>
        ${found.map((note) => html`<li>${note}</li>`)}
      </ul>`;
}

function checks({ checks: all, now }: StatusReport): Html {
  const classes = { up: 'good', degraded: 'warning', down: 'bad' };
  return section(
    'Checks',
    table(
      ['check', 'state', 'for', 'since', 'cause'],
      all.map(({ name, state, status, seconds, error }) => [
        name,
        html`<span class="${classes[status]}">${state}</span>`,
        duration(seconds),
        timeBefore(now, seconds),
        error ?? '',
      ]),
    ),
  );
}

function figures(report: StatusReport): Html {
  return html`${queue(report)} ${ledger(report)} ${endpoints(report)} ${refusals(report)}
  ${certificates(report)}`;
}

function queue({ queue: stats, checks: all, now }: StatusReport): Html {
  const title = 'Queue';
  if (!stats) {
    return section(title, html`<p>The queue does not answer.</p>`);
  }
  if (stats.capacityBytes === 0) {
    return section(title, html`<p>The queue is not open yet.</p>`);
  }
  const full = all.find(({ name, state }) => name === 'queue' && state === 'full');
  const { bytes: taken, capacityBytes: capacity, filesystemAvailableBytes: available } = stats;
  return section(
    title,
    html`<meter
        min="0"
        max="${capacity}"
        low="${capacity * 0.5}"
        high="${capacity * 0.8}"
        optimum="0"
        value="${taken}"
      >
        ${percentFull(stats)}
      </meter>
      <p>
        ${percentFull(stats)} full: ${bytes(taken)} of ${bytes(capacity)}; the disk has
        ${bytes(available)} left. ${full ? fullSince(full, now) : ''}
      </p>`,
  );
}

function fullSince({ seconds }: CheckStatus, now: Date): Html {
  return html`<strong class="bad"
    >Full for ${duration(seconds)}, since ${timeBefore(now, seconds)}.</strong
  >`;
}

function ledger({ sinks }: StatusReport): Html {
  return section(
    'Events by sink, restarts included',
    table(
      ['sink', 'accepted', 'delivered', 'queued', 'oldest', 'dead letters', 'purged', 'damaged'],
      sinks.map(({ sink, ledger: of, oldestEventAgeSeconds: age }) => [
        sink,
        of.accepted,
        of.delivered,
        of.queued,
        number(of.queued > 0 ? duration(age) : '–'),
        of.deadLettered,
        of.purged,
        of.corrupt,
      ]),
    ),
  );
}

function endpoints({ endpoints: all }: StatusReport): Html {
  return section(
    'Events by endpoint, since the start',
    table(
      ['endpoint', 'accepted a second', 'received', 'accepted', 'invalid', 'not taken'],
      all.map(({ endpoint, acceptedPerSecond, received, accepted, rejected, refused }) => [
        endpoint,
        number(rate(acceptedPerSecond)),
        received,
        accepted,
        rejected,
        refused,
      ]),
    ),
    html`<p class="dim">Accepted a second: over the last minute.</p>`,
  );
}

function refusals({ refusals: all }: StatusReport): Html {
  return section(
    'Events refused, since the start',
    all.length === 0
      ? html`<p>None.</p>`
      : table(
          ['reason', 'kind', 'endpoint', 'events'],
          all.map(({ endpoint, kind, reason, events }) => [reason, kind, endpoint, events]),
        ),
  );
}

function certificates({ certificates: all, now }: StatusReport): Html {
  return section(
    'Certificates',
    all.length === 0
      ? html`<p>None: no address speaks TLS.</p>`
      : table(
          ['server', 'ends', 'in', 'files'],
          all.map(({ server, notAfter, lastReloadSuccessful }) => {
            const left = (notAfter.getTime() - now.getTime()) / 1000;
            return [
              server,
              time(notAfter),
              timeLeft(left),
              lastReloadSuccessful ? 'in use' : html`<span class="bad">cannot be used</span>`,
            ];
          }),
        ),
  );
}

function timeLeft(seconds: number): Html {
  if (seconds <= 0) {
    return html`<span class="bad">ended</span>`;
  }
  return html`<span class="${seconds < SOON_SECONDS ? 'warning' : 'good'}"
    >${duration(seconds)}</span
  >`;
}

function section(title: string, ...content: readonly Html[]): Html {
  return html`<section>
    <h2>${title}</h2>
    ${content}
  </section>`;
}

/** A cell that is set as a number is. */
class NumberCell {
  constructor(readonly text: string) {}
}

function number(text: string): NumberCell {
  return new NumberCell(text);
}

/** Narrow screens show each row as a list, with the titles beside the cells. */
function table(
  titles: readonly string[],
  rows: readonly (readonly (Html | NumberCell | string | number)[])[],
): Html {
  const isNumber = titles.map((_, column) =>
    rows.some((row) => typeof row[column] === 'number' || row[column] instanceof NumberCell),
  );
  const classOf = (column: number): Html => (isNumber[column] ? html` class="number"` : html``);
  const content = (cell: Html | NumberCell | string | number): HtmlPart => {
    if (cell instanceof NumberCell) {
      return cell.text;
    }
    return typeof cell === 'number' ? count(cell) : cell;
  };
  return html`<table>
    <thead>
      <tr>
        ${titles.map((title, column) => html`<th${classOf(column)}>${title}</th>`)}
      </tr>
    </thead>
    <tbody>
      ${rows.map(
        (row) =>
          html`<tr>
            ${row.map((cell, column) => html`<td data-label="${titles[column] ?? ''}" ${classOf(column)}>${content(cell)}</td>`)}
          </tr>`,
      )}
    </tbody>
  </table>`;
}
