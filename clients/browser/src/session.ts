import { attempt } from './attempt.js';
import { read, write } from './store.js';
import { uuid } from './uuid.js';

/** A visit ends after this time without an event. */
const SESSION_MS = 30 * 60_000;
/** The time of the last event is written this often at most. */
const PRECISION_MS = 10_000;

/** The name that the Go service's client used, too: a visitor that it knew stays known. */
const SESSION_ID = 'gt_sid';
const VISIT = 'gt_visit';

/** Times are milliseconds since the epoch. */
type Visit = [
  visitorId: string,
  firstVisit: number,
  sessionStart: number,
  last: number,
  seq: number,
];

export interface Session {
  visitor_id: string;
  session_id: string;
  session_start_ts: string;
  /** The visitor's first session is 1. */
  session_seq: number;
  first_visit_ts: string;
}

/** The session that an event of now belongs to; begins one where there is none, or where it is over. */
export function currentSession(): Session {
  const now = Date.now();
  let id = read(SESSION_ID);
  const known = attempt(() => JSON.parse(read(VISIT)) as Visit);
  // A clock that was set back by more than a session's length ends it as well.
  if (!id || (known && Math.abs(now - known[3]) > SESSION_MS)) {
    id = uuid();
    write(SESSION_ID, id);
    if (known) {
      known[2] = 0;
    }
  }
  const visit: Visit = known ?? [id, now, 0, 0, 0];
  if (!visit[2]) {
    visit[2] = now;
    visit[3] = 0;
    visit[4] += 1;
  }
  if (Math.abs(now - visit[3]) > PRECISION_MS) {
    visit[3] = now;
    write(VISIT, JSON.stringify(visit));
  }
  return {
    visitor_id: visit[0],
    session_id: id,
    session_start_ts: new Date(visit[2]).toISOString(),
    session_seq: visit[4],
    first_visit_ts: new Date(visit[1]).toISOString(),
  };
}
