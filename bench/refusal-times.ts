// Whether the time of a `401` tells its cause, where a secret decides. Each cause is measured as two series, all in
// turns: how far the two lie apart is the control.
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

const TURNS = 4000;
/** Before the measurement: V8 compiles what is hot. */
const WARM_UP_TURNS = 500;

const BODY = JSON.stringify({ type: 'signup', props: { plan: 'pro' } });
/** As long as `BODY`. */
const CHANGED_BODY = BODY.replace('pro', 'prp');
const ADDRESS = '127.0.0.1';

/** No secret decides on it, and its sender knows it. */
const NOTHING = 'nothing to check';

interface Secrets {
  readonly secret: string;
  readonly key: string;
}

interface Cause {
  readonly name: string;
  readonly headers: string;
}

function causesOf({ secret, key }: Secrets): Readonly<Record<string, readonly Cause[]>> {
  const sign = (body: string, address = ADDRESS): string =>
    createHmac('sha256', createHmac('sha256', secret).update(`client-key:${address}`).digest())
      .update(body)
      .digest('hex');
  const right = sign(BODY);
  const other = (digit: string | undefined): string => (digit === '0' ? '1' : '0');
  const signature = (value: string): string => `X-GoTrack-HMAC: ${value}\r\n`;
  const bearer = (value: string): string => `Authorization: Bearer ${value}\r\n`;
  return {
    'a wrong signature': [
      { name: 'from another address', headers: signature(sign(BODY, '192.0.2.7')) },
      { name: 'of a changed body', headers: signature(sign(CHANGED_BODY)) },
      { name: 'wrong in its first digit', headers: signature(other(right[0]) + right.slice(1)) },
      {
        name: 'wrong in its last digit',
        headers: signature(right.slice(0, -1) + other(right.at(-1))),
      },
    ],
    'a wrong key': [
      { name: 'nothing is right', headers: bearer('x'.repeat(key.length)) },
      { name: 'all but the first character', headers: bearer(`x${key.slice(1)}`) },
      { name: 'all but the last character', headers: bearer(`${key.slice(0, -1)}x`) },
    ],
    [NOTHING]: [
      { name: 'neither key nor signature', headers: '' },
      { name: 'the marker of the Go client', headers: signature('tracking') },
    ],
  };
}

export async function compareCauses(port: number, secrets: Secrets): Promise<void> {
  console.log(`from request to 401, one at a time, ${TURNS} turns of all in random order; µs\n`);
  console.log('| cause | p50, twice | p95, twice |\n| --- | --- | --- |');
  const groups = Object.entries(causesOf(secrets));
  const series = groups.flatMap(([, causes]) =>
    causes.flatMap(({ headers }) => [new Series(port, headers), new Series(port, headers)]),
  );
  for (let turn = 0; turn < WARM_UP_TURNS + TURNS; turn += 1) {
    for (const each of shuffled(series)) {
      await each.measure(turn >= WARM_UP_TURNS);
    }
  }
  const verdicts: string[] = [];
  const left = series.values();
  for (const [group, causes] of groups) {
    const measured = causes.map(() => [left.next().value as Series, left.next().value as Series]);
    causes.forEach(({ name }, n) => {
      const columns = [0.5, 0.95].map((share) =>
        measured[n]?.map((each) => each.percentile(share).toFixed(1)).join(' / '),
      );
      console.log(`| ${group}: ${name} | ${columns.join(' | ')} |`);
    });
    if (group === NOTHING) {
      continue;
    }
    verdicts.push(...[0.5, 0.95].map((share) => `${group}, ${verdict(measured, share)}`));
  }
  series.forEach((each) => each.end());
  console.log(`\n${verdicts.join('\n')}`);
}

/** How far causes lie apart, beside how far the two series of one lie apart. */
function verdict(causes: readonly (readonly Series[])[], share: number): string {
  const values = causes.map((pair) => pair.map((each) => each.percentile(share)));
  const means = values.map(([a = 0, b = 0]) => (a + b) / 2);
  const between = Math.max(...means) - Math.min(...means);
  const within = Math.max(...values.map(([a = 0, b = 0]) => Math.abs(a - b)));
  return `p${share * 100}: causes ${between.toFixed(1)} µs apart, the same cause ${within.toFixed(1)} µs`;
}

/** Requests of one kind, on a connection that is opened before the clock starts. */
class Series {
  private readonly times: number[] = [];
  private readonly text: string;
  private socket: Socket | undefined;

  constructor(
    private readonly port: number,
    headers: string,
  ) {
    this.text =
      `POST /collect HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n${headers}` +
      `Content-Length: ${BODY.length}\r\n\r\n${BODY}`;
  }

  async measure(isKept: boolean): Promise<void> {
    const socket = (this.socket ??= await open(this.port));
    const startedAt = performance.now();
    socket.write(this.text);
    const [answer] = (await once(socket, 'data')) as [string];
    const took = (performance.now() - startedAt) * 1000;
    if (!answer.startsWith('HTTP/1.1 401 ')) {
      throw new Error(`not refused: ${answer.split('\r\n', 1)[0]}`);
    }
    if (isKept) {
      this.times.push(took);
    }
    if (/\r\nconnection: close/i.test(answer)) {
      this.end();
    }
  }

  percentile(share: number): number {
    const ordered = this.times.toSorted((a, b) => a - b);
    return ordered[Math.ceil(share * ordered.length) - 1] ?? Number.NaN;
  }

  end(): void {
    this.socket?.destroy();
    this.socket = undefined;
  }
}

async function open(port: number): Promise<Socket> {
  const socket = connect({ port, host: ADDRESS, noDelay: true });
  socket.setEncoding('latin1');
  await once(socket, 'connect');
  return socket;
}

function shuffled<T>(values: readonly T[]): T[] {
  return values
    .map((value) => [Math.random(), value] as const)
    .toSorted(([a], [b]) => a - b)
    .map(([, value]) => value);
}
