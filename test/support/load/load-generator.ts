// Run by `generateLoad`, as a process of its own: sends pixels at a rate that does not depend on the answers
// (open loop), or as fast as they are answered (closed loop), and tells what came back.
import { connect, type Socket } from 'node:net';
import type { GeneratedLoad, LoadOrder } from './generate-load.js';

const TICK_MS = 2;
/** In a tick: thousands at once would overflow what the kernel keeps for the program, and measure that. */
const MAX_OPENED = 4;
/** Beyond it, who waits for an answer is given up. */
const PATIENCE_MS = 60_000;

const order = JSON.parse(process.argv[2] ?? '') as LoadOrder;
const accepted: boolean[] = [];
const latencies: Record<keyof GeneratedLoad['latencies'], Map<number, number>> = {
  opening: new Map(),
  accepted: new Map(),
  refused: new Map(),
};
const statuses: Record<string, number> = {};
const free: Connection[] = [];
let connections = 0;
let arrivals = 0;
let turnedAway = 0;
let opened = 0;
let lastAnswerAt = 0;
let underWay = 0;
let mostUnderWay = 0;

/** One request at a time. */
class Connection {
  private readonly socket: Socket;
  private received = '';
  private number = 0;
  private arrivedAt = 0;
  private busy = false;
  private isNew = true;

  constructor() {
    connections += 1;
    this.socket = connect({ port: order.port, host: '127.0.0.1', noDelay: true });
    this.socket.setEncoding('latin1');
    this.socket.on('data', (text: string) => this.read(text));
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      connections -= 1;
      const place = free.indexOf(this);
      if (place !== -1) {
        free.splice(place, 1);
      }
      if (this.busy) {
        this.settle('cut');
      }
    });
  }

  send(): void {
    this.number = arrivals;
    arrivals += 1;
    accepted.push(false);
    this.arrivedAt = performance.now();
    this.busy = true;
    underWay += 1;
    mostUnderWay = Math.max(mostUnderWay, underWay);
    this.socket.write(
      `GET ${order.target}&event_id=${order.prefix}${this.number} HTTP/1.1\r\nHost: a\r\n\r\n`,
    );
  }

  private read(text: string): void {
    this.received += text;
    const head = this.received.indexOf('\r\n\r\n');
    if (head === -1) {
      return;
    }
    const length = Number(/content-length: (\d+)/i.exec(this.received)?.[1] ?? 0);
    if (this.received.length < head + 4 + length) {
      return;
    }
    const status = this.received.slice(9, 12);
    const isClean = status === '200' || /\r\nretry-after: \d/i.test(this.received.slice(0, head));
    const closes = /\r\nconnection: close/i.test(this.received.slice(0, head));
    this.received = '';
    this.settle(isClean ? status : `${status} without Retry-After`);
    if (closes) {
      this.socket.destroy();
    } else if (order.ratePerSecond === undefined) {
      sendNext(this);
    } else {
      free.push(this);
    }
  }

  private settle(status: string): void {
    this.busy = false;
    underWay -= 1;
    statuses[status] = (statuses[status] ?? 0) + 1;
    accepted[this.number] = status === '200';
    lastAnswerAt = performance.now();
    const ms = Math.round(lastAnswerAt - this.arrivedAt);
    const counts = latencies[status !== '200' ? 'refused' : this.isNew ? 'opening' : 'accepted'];
    counts.set(ms, (counts.get(ms) ?? 0) + 1);
    this.isNew = false;
  }
}

const startedAt = performance.now();
const isOver = (): boolean => performance.now() - startedAt > order.seconds * 1000;

function sendNext(connection: Connection): void {
  if (!isOver()) {
    connection.send();
  }
}

function arrive(): void {
  const connection = free.pop() ?? newConnection();
  if (connection) {
    connection.send();
  } else {
    turnedAway += 1;
  }
}

function newConnection(): Connection | undefined {
  if (connections >= order.connections || opened >= MAX_OPENED) {
    return undefined;
  }
  opened += 1;
  return new Connection();
}

function tick(rate: number): void {
  opened = 0;
  const elapsed = Math.min(performance.now() - startedAt, order.seconds * 1000);
  const due = Math.floor((elapsed / 1000) * rate);
  while (arrivals + turnedAway < due) {
    arrive();
  }
}

function report(): void {
  const bits = Buffer.alloc(Math.ceil(accepted.length / 8));
  accepted.forEach((isAccepted, index) => {
    if (isAccepted) {
      bits[index >> 3] = (bits[index >> 3] ?? 0) | (1 << (index & 7));
    }
  });
  const result: GeneratedLoad = {
    sent: arrivals,
    turnedAway,
    statuses,
    mostUnderWay,
    unanswered: underWay,
    settledAfterMs: Math.max(0, lastAnswerAt - startedAt - order.seconds * 1000),
    acceptedBits: bits.toString('base64'),
    latencies: {
      opening: [...latencies.opening],
      accepted: [...latencies.accepted],
      refused: [...latencies.refused],
    },
  };
  process.stdout.write(JSON.stringify(result), () => process.exit(0));
}

const { ratePerSecond } = order;
if (ratePerSecond === undefined) {
  for (let n = 0; n < order.connections; n += 1) {
    new Connection().send();
  }
}
const ticking = setInterval(() => {
  if (ratePerSecond !== undefined) {
    tick(ratePerSecond);
  }
  if (isOver()) {
    clearInterval(ticking);
    const overAt = performance.now();
    const settling = setInterval(() => {
      if (underWay === 0 || performance.now() - overAt > PATIENCE_MS) {
        clearInterval(settling);
        report();
      }
    }, TICK_MS);
  }
}, TICK_MS);
