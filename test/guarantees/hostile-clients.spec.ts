import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { balancedBooks } from '../support/load/books.js';
import { Bystander, leaveUnharmed } from '../support/load/bystander.js';
import { type Collector, inParallel, until, Workplace } from '../support/servers/collector.js';
import { Crowd } from '../support/load/crowd.js';
import { descriptorLimit } from '../support/servers/descriptors.js';
import { canTrace, Interference } from '../support/disk/syscall-trace.js';
import { canLimitMemory, MemoryCgroup } from '../support/servers/memory-cgroup.js';
import { sendEvent } from '../support/servers/send-event.js';
import { runs } from './runs.js';
import { SMUGGLED, SMUGGLING, STORED } from '../support/load/smuggling-shapes.js';

const MIB = 1024 * 1024;
const ASK = 'GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n';
const none = (): boolean => false;

interface Running {
  readonly workplace: Workplace;
  readonly collector: Collector;
}

async function start(
  environment: Record<string, string> = {},
  through: readonly string[] = [],
): Promise<Running> {
  const workplace = await Workplace.create();
  onTestFinished(() => workplace.remove());
  return { workplace, collector: await workplace.start(environment, through) };
}

async function begin(
  environment: Record<string, string> = {},
  through: readonly string[] = [],
): Promise<Running & { readonly bystander: Bystander }> {
  const { workplace, collector } = await start(environment, through);
  const bystander = new Bystander(workplace, collector);
  await bystander.served();
  return { workplace, collector, bystander };
}

async function gather(port: number, size: number, greeting = ''): Promise<Crowd> {
  const crowd = await Crowd.gather(port, size, () => greeting);
  onTestFinished(() => crowd.leave());
  return crowd;
}

function post(body: string | Buffer, headers = ''): Buffer {
  const bytes = Buffer.from(body);
  return Buffer.concat([
    Buffer.from(
      `POST /collect HTTP/1.1\r\nHost: a\r\n${headers}Content-Length: ${bytes.length}\r\n\r\n`,
    ),
    bytes,
  ]);
}

/** By whomever, and however. */
function closeOf(socket: Socket): Promise<unknown> {
  return new Promise((resolve) => {
    socket.once('close', resolve);
  });
}

/** Sends it in one piece, waits for so many answers or the end, and tells their statuses. */
async function statusesOf(port: number, bytes: Buffer | string, answers = 1): Promise<number[]> {
  const socket = connect(port, '127.0.0.1');
  let statuses: number[] = [];
  let received = '';
  socket.on('data', (piece: Buffer) => {
    received += piece.toString('latin1');
    statuses = Array.from(received.matchAll(/HTTP\/1\.1 ([2-5]\d\d) /g), ([, status]) =>
      Number(status),
    );
    if (statuses.length >= answers) {
      socket.end();
    }
  });
  socket.on('error', () => {});
  socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  await closeOf(socket);
  return statuses;
}

/** Connections that never finish what they began, on both addresses: a kind each, with what it gets in the end. */
const DRIBBLERS: readonly {
  readonly on: 'collector' | 'metrics';
  readonly beginning: string;
  readonly drop: string;
  readonly answer: string;
}[] = [
  { on: 'collector', beginning: '', drop: '', answer: '408' },
  {
    on: 'collector',
    beginning: 'GET /px.gif?event_id=slow HTTP/1.1\r\nHost: a\r\n',
    drop: 'X-A: b\r\n',
    answer: '408',
  },
  {
    on: 'collector',
    beginning: 'POST /collect HTTP/1.1\r\nHost: a\r\nContent-Length: 90000\r\n\r\n[',
    drop: ' ',
    answer: '408',
  },
  {
    on: 'collector',
    beginning: 'POST /collect HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n',
    drop: '1\r\n \r\n',
    answer: '408',
  },
  {
    on: 'collector',
    beginning: 'GET /px.gif?e=whole HTTP/1.1\r\nHost: a\r\nContent-Length: 9000\r\n\r\n',
    drop: ' ',
    answer: '200',
  },
  { on: 'metrics', beginning: '', drop: '', answer: '408' },
  { on: 'metrics', beginning: 'GET /metrics HTTP/1.1\r\n', drop: 'X-A: b\r\n', answer: '408' },
  {
    on: 'metrics',
    beginning: 'POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 9000\r\n\r\n',
    drop: ' ',
    answer: '405',
  },
];

/** Long answers, which are never read: so many requests in a row that they fit into no buffer. */
const UNREAD_ANSWERS = 100;
const LONG_ANSWER = post(
  `[${Array<string>(1000).fill('{"type":7,"url":7,"route":7,"device":7}').join(',')}]`,
);

class Slowloris {
  private readonly crowds: Crowd[] = [];
  private readonly deaf: Socket[] = [];
  private readonly dribbling: NodeJS.Timeout;

  private constructor(
    readonly workplace: Workplace,
    readonly collector: Collector,
  ) {
    this.dribbling = setInterval(() => {
      this.crowds.forEach((crowd, kind) => crowd.sendEach(() => DRIBBLERS[kind]?.drop ?? ''));
    }, 200);
  }

  static async begin(): Promise<Slowloris> {
    const workplace = await Workplace.create();
    const slowloris = new Slowloris(workplace, await workplace.start());
    const { collector, crowds } = slowloris;
    for (const { on, beginning } of DRIBBLERS) {
      const crowd =
        on === 'metrics'
          ? await Crowd.gather(metricsPortOf(collector), 16)
          : await Crowd.gather(collector.port, 50);
      crowd.sendEach(() => beginning);
      crowds.push(crowd);
    }
    for (let n = 0; n < 3; n += 1) {
      const socket = connect(collector.port, '127.0.0.1').pause();
      socket.on('error', () => {});
      socket.write(Buffer.concat(Array<Buffer>(UNREAD_ANSWERS).fill(LONG_ANSWER)));
      slowloris.deaf.push(socket);
    }
    return slowloris;
  }

  get open(): number[] {
    return this.crowds.map(({ size, closed }) => size - closed);
  }

  get statuses(): string[] {
    return this.crowds.map((crowd) => [...crowd.statuses()].join());
  }

  /** Whether the program has cut those who do not read, who notice nothing of it themselves. */
  async haveDeafBeenCut(): Promise<boolean> {
    const connected = await peersOf(this.collector.port);
    return this.deaf.every(({ localPort }) => !connected.has(localPort ?? 0));
  }

  /** How many answers each of those found who did not read them, once they do. */
  async heardAtLast(): Promise<number[]> {
    return Promise.all(
      this.deaf.map(async (socket) => {
        let heard = '';
        socket.on('data', (piece: Buffer) => (heard += piece.toString('latin1')));
        const closed = closeOf(socket);
        socket.resume();
        await closed;
        return heard.split('HTTP/1.1 400 ').length - 1;
      }),
    );
  }

  async end(): Promise<void> {
    clearInterval(this.dribbling);
    this.deaf.forEach((socket) => socket.destroy());
    this.crowds.forEach((crowd) => crowd.leave());
    await this.workplace.remove();
  }
}

/** The ports of the other ends of the connections that the program with this port has open. */
async function peersOf(port: number): Promise<Set<number>> {
  const ESTABLISHED = '01';
  const portIn = (address = ''): number => Number.parseInt(address.split(':')[1] ?? '', 16);
  const lines = (await readFile('/proc/net/tcp', 'utf8')).split('\n').slice(1);
  return new Set(
    lines.flatMap((line) => {
      const [, local, remote, state] = line.trim().split(/\s+/);
      return state === ESTABLISHED && portIn(local) === port ? [portIn(remote)] : [];
    }),
  );
}

function metricsPortOf({ metricsUrl }: Collector): number {
  return Number(new URL(metricsUrl).port);
}

describe('hostile clients', () => {
  let slowloris: Slowloris;
  let openAtFirst: number[];

  // It takes its time; the other tests run meanwhile, on programs of their own.
  beforeAll(async () => {
    slowloris = await Slowloris.begin();
    openAtFirst = slowloris.open;
  });

  afterAll(() => slowloris.end());

  it('that hold ten thousand idle connections take nobody else their place', async () => {
    const { collector, bystander } = await begin({ KEEP_ALIVE_TIMEOUT_MS: '600000' });
    const wanted = 10_000;
    // The other half is for what else runs in this process; the program has as many.
    const size = Math.min(wanted, Math.floor(descriptorLimit() / 2));
    if (size < wanted) {
      console.warn(
        `NOT ${wanted} but ${size} idle connections: raise the limit of open files (ulimit -n)`,
      );
    }
    const crowd = await gather(collector.port, size, ASK);
    await until(() => crowd.answered === size);
    expect(await collector.metric('process_open_fds')).toBeGreaterThan(size);

    await bystander.served();
    await inParallel(
      8,
      Array.from({ length: 100 }, (_, n) => async () => {
        expect((await sendEvent(collector, `new-${n}`, 'collect')).status).toBe(202);
      }),
    );
    expect(crowd.closed).toBe(0);
    expect(await leaveUnharmed(bystander, (id) => id.startsWith('new-'))).toHaveLength(100);
  });

  it('that open more connections than there are descriptors lose idle ones to those who come', async () => {
    const { collector, bystander } = await begin({ QUEUE_MAX_MB: '4', LOG_ROTATE_MB: '1' }, [
      'prlimit',
      '--nofile=640:640',
    ]);
    const crowd = await gather(collector.port, 1500);
    crowd.sendEach(() => ASK);
    await until(() => crowd.closed >= 1000);
    expect(await collector.metric('process_max_fds')).toBe(640);

    // New segments and new files of the log need descriptors, too.
    await inParallel(
      8,
      Array.from({ length: 100 }, (_, n) => async () => {
        const { status } = await sendEvent(collector, `new-${n}`, 'collect', 30_000);
        expect(status).toBe(202);
        await until(() => crowd.closed >= 1000);
      }),
    );
    await bystander.served();
    expect(crowd.withStatus('200').length).toBeGreaterThan(0);
    expect(await leaveUnharmed(bystander, (id) => id.startsWith('new-'))).toHaveLength(100);
  });

  // Control groups need Linux and root.
  it.skipIf(!canLimitMemory())(
    'that open 16,000 connections and never finish their headers do not fill a container of 256 MiB',
    async () => {
      const group = MemoryCgroup.create(256 * MIB) as MemoryCgroup;
      // Hooks run in reverse: the program is ended before.
      onTestFinished(() => group.remove());
      const { collector, bystander } = await begin({}, group.command);
      expect(group.holds(collector.pid)).toBe(true);
      const wanted = 16_000;
      const unfinished = `GET /px.gif HTTP/1.1\r\nHost: a\r\nX: ${'y'.repeat(12_000)}`;
      let begun = 0;
      while (begun < wanted) {
        const crowd = await gather(collector.port, 2000, unfinished);
        begun += crowd.size;
      }
      await bystander.served();
      expect(collector.end).toBeUndefined();
      await leaveUnharmed(bystander, none);
    },
  );

  it('that hold every connection of the metrics address lose them to a scraper', async () => {
    const { workplace, collector } = await start();
    const holders = new Set<Socket>();
    let lost = 0;
    let stopped = false;
    const hold = (n: number): void => {
      const socket = connect(metricsPortOf(collector), '127.0.0.1');
      holders.add(socket);
      socket.on('error', () => {});
      socket.on('data', () => {});
      socket.on('close', () => {
        holders.delete(socket);
        lost += 1;
        // Again and again, but not all at once: that would be a flood.
        setTimeout(() => stopped || hold(n), 500 + (n % 50) * 10);
      });
      socket.write(n % 2 === 0 ? ASK : 'GET /metrics HTTP/1.1\r\nX-A:');
    };
    onTestFinished(() => {
      stopped = true;
      holders.forEach((socket) => socket.destroy());
    });
    // A few more than there are places.
    for (let n = 0; n < 80; n += 1) {
      hold(n);
    }
    await until(() => lost > 40);
    const bystander = new Bystander(workplace, collector);
    for (let scrape = 0; scrape < 10; scrape += 1) {
      const response = await fetch(`${collector.metricsUrl}/metrics`, {
        headers: { connection: 'close' },
      });
      expect(response.status).toBe(200);
      await response.arrayBuffer();
    }
    await bystander.served();
    expect(holders.size).toBeGreaterThan(32);
    await leaveUnharmed(bystander, none);
  });

  it('that send bombs get 413 for the work of a body that is a little too large', async () => {
    const { collector, bystander } = await begin();
    const zeros = Buffer.alloc(256 * MIB);
    const member = gzipSync(zeros.subarray(0, 16 * MIB));
    const brotli = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } };
    const bombs = [
      ['gzip', Buffer.concat(Array<Buffer>(60).fill(member))],
      ['deflate', deflateSync(zeros)],
      ['br', brotliCompressSync(zeros, brotli)],
    ] as const;
    const small = zeros.subarray(0, 2 * MIB);
    const ordinary = [
      ['gzip', gzipSync(small)],
      ['deflate', deflateSync(small)],
      ['br', brotliCompressSync(small, brotli)],
    ] as const;
    const costOf = async (bodies: typeof bombs | typeof ordinary): Promise<number> => {
      const before = await collector.metric('process_cpu_seconds_total');
      await inParallel(
        16,
        Array.from({ length: 30 }, (_, n) => async () => {
          const [encoding, body] = bodies[n % 3] ?? bodies[0];
          expect(body.length).toBeLessThan(MIB);
          const sent = post(body, `Content-Encoding: ${encoding}\r\n`);
          expect(await statusesOf(collector.port, sent)).toEqual([413]);
        }),
      );
      return (await collector.metric('process_cpu_seconds_total')) - before;
    };
    await costOf(ordinary);
    const ofOrdinary = await costOf(ordinary);
    const ofBombs = await costOf(bombs);
    // To decompress them to their ends would be 128 to 480 times the work.
    expect(ofBombs).toBeLessThan(20 * ofOrdinary);

    const layers = post(gzipSync(gzipSync(zeros)), 'Content-Encoding: gzip, gzip\r\n');
    expect(await statusesOf(collector.port, layers)).toEqual([400]);
    await bystander.served();
    await leaveUnharmed(bystander, none);
  });

  it('whose bodies all end at the same moment let others through between them', async () => {
    const { collector, bystander } = await begin();
    const size = 24;
    const arrays = Array<string>(340_000).fill('[]').join(',');
    const bodies = [
      post(`[{"props":{"x":[${arrays}]}}]`),
      post(`[${'['.repeat(MIB / 2 - 2)}${']'.repeat(MIB / 2 - 2)}]`),
      post(`{"a":{${Array.from({ length: 80_000 }, (_, n) => `"k${n}":{}`).join(',')}}}`),
    ];
    const bodyOf = (n: number): string => (bodies[n % 3] as Buffer).toString('latin1');
    const crowd = await gather(collector.port, size);
    crowd.sendEach((n) => bodyOf(n).slice(0, -1));
    await bystander.served();
    const before = bystander.answered;
    crowd.sendEach((n) => bodyOf(n).slice(-1));
    await until(() => crowd.answered === size);
    // At least one for every second body: one body has one turn of the event loop.
    expect(bystander.answered - before).toBeGreaterThan(size / 2);
    expect(crowd.statuses()).toEqual(new Set(['400']));
    await leaveUnharmed(bystander, none);
  });

  it.skipIf(!canTrace)(
    'that ask for a thousand times what they send to be kept get 503 beyond 64 MiB',
    async () => {
      const { workplace, collector, bystander } = await begin({
        NODE_OPTIONS: '--max-old-space-size=256',
      });
      const size = 400;
      const events = `[${Array<string>(1000).fill('{}').join(',')}]`;
      const request = post(events, `User-Agent: ${'u'.repeat(1024)}\r\n`).toString('latin1');
      const crowd = await gather(collector.port, size);
      // However fast the disk is beside the clients, what they ask for is there at one time.
      const stall = await Interference.begin(
        collector.pid,
        'fdatasync',
        'delay_enter=600000000',
        workplace.path('trace'),
      );
      crowd.sendEach(() => request);
      await until(() => crowd.withStatus('503').length > 0);
      await stall.end();
      await until(() => crowd.answered === size);
      expect([...crowd.statuses()].toSorted()).toEqual(['202', '503']);
      await bystander.served();
      const theirs = await leaveUnharmed(bystander, () => true, ['503']);
      expect(theirs).toHaveLength(1000 * crowd.withStatus('202').length);
    },
  );

  it('that pipeline without reading are cut before they fill the memory', async () => {
    const { collector, bystander } = await begin({ NODE_OPTIONS: '--max-old-space-size=256' });
    const pixels = 'GET /px.gif?e=pipelined HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(10_000);
    let cut = 0;
    const sockets = Array.from({ length: 50 }, () => {
      const socket = connect(collector.port, '127.0.0.1').pause();
      socket.on('error', () => {});
      socket.on('close', () => (cut += 1));
      socket.write(pixels);
      return socket;
    });
    onTestFinished(() => sockets.forEach((socket) => socket.destroy()));
    await bystander.served();
    sockets.forEach((socket) => socket.resume());
    await until(() => cut > 25);
    sockets.forEach((socket) => socket.destroy());
    await bystander.served();
    expect(await leaveUnharmed(bystander, () => true)).not.toEqual([]);
  });

  it('that hide requests in others get no event past a strict reading of HTTP', async () => {
    const { collector, bystander } = await begin();
    const outcomes = new Map<string, number[]>();
    await inParallel(
      8,
      SMUGGLING.map(({ name, bytes }) => async () => {
        outcomes.set(name, await statusesOf(collector.port, bytes));
      }),
    );
    const wrong = [...outcomes].filter(([, statuses]) =>
      statuses.some((status) => status >= 500 && status !== 501),
    );
    expect(wrong).toEqual([]);

    // What is hidden there would be seen if it came as a request of its own.
    const whole = `${post('{"event_id":"seen-p"}').toString()}GET /px.gif?event_id=seen-q HTTP/1.1\r\nHost: a\r\n\r\n`;
    expect(await statusesOf(collector.port, whole, 2)).toEqual([202, 200]);
    const hidden = new Map(SMUGGLING.map(({ id, name }) => [id, name]));
    const theirs = await leaveUnharmed(
      bystander,
      (id) => id.startsWith(STORED) || id.startsWith(SMUGGLED),
      ['501'],
    );
    expect(theirs.flatMap((id) => hidden.get(id) ?? [])).toEqual([]);
    expect(theirs).toEqual(expect.arrayContaining(['seen-p', 'seen-q']));
  });

  it('that leave in the middle, wherever, leave nothing but whole events', async () => {
    const { collector, bystander } = await begin();
    const whole = new Set<string>();
    let cuts = 0;
    const leave = async (n: number, text: string, at: number, abruptly: boolean): Promise<void> => {
      const socket = connect(collector.port, '127.0.0.1');
      socket.on('error', () => {});
      await once(socket, 'connect');
      const sent = new Promise((resolve) => {
        socket.write(text.slice(0, at), resolve);
      });
      await sent;
      if (at === text.length) {
        whole.add(`left-${n}`);
      } else {
        cuts += 1;
      }
      if (abruptly) {
        socket.resetAndDestroy();
      } else {
        socket.end();
      }
    };
    await inParallel(
      16,
      Array.from({ length: runs(600, 20_000) }, (_, n) => async () => {
        const event = `{"event_id":"left-${n}","props":{"x":"${'x'.repeat(n % 50)}"}}`;
        const text =
          n % 3 === 0
            ? `GET /px.gif?event_id=left-${n} HTTP/1.1\r\nHost: a\r\n\r\n`
            : n % 3 === 1
              ? post(event).toString()
              : `POST /collect HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${event.length.toString(16)}\r\n${event}\r\n0\r\n\r\n`;
        await leave(n, text, text.length - ((n * 7) % text.length), n % 2 === 0);
      }),
    );
    await bystander.served();
    const theirs = await leaveUnharmed(bystander, (id) => whole.has(id));
    expect(cuts).toBeGreaterThan(whole.size);
    expect(theirs.length).toBeGreaterThan(0);
  });

  it('that dribble headers and bodies, or do not read their answers, were cut on both addresses', async () => {
    const { collector, workplace } = slowloris;
    expect(openAtFirst).toEqual(DRIBBLERS.map(({ on }) => (on === 'metrics' ? 16 : 50)));
    await until(() => slowloris.open.every((open) => open === 0));
    // Who is cut in the middle of a drop may lose the answer.
    const others = slowloris.statuses.filter(
      (statuses, kind) => ![DRIBBLERS[kind]?.answer, ''].includes(statuses),
    );
    expect(others).toEqual([]);
    const given = { endpoint: '/collect', status: '499' };
    await until(async () => (await collector.metric('gotrack_http_requests_total', given)) >= 3);
    await until(() => slowloris.haveDeafBeenCut());
    const heard = await slowloris.heardAtLast();
    expect(heard.filter((answers) => answers < UNREAD_ANSWERS)).toHaveLength(3);

    const bystander = new Bystander(workplace, collector);
    await bystander.served();
    const wholes = DRIBBLERS.filter(({ answer }) => answer === '200').length * 50;
    expect(await leaveUnharmed(bystander, () => true)).toHaveLength(wholes);
  });
});

describe('a client gets its answer, and the next one too, after', () => {
  let workplace: Workplace;
  let collector: Collector;

  beforeAll(async () => {
    workplace = await Workplace.create();
    collector = await workplace.start();
  });

  afterAll(() => workplace.remove());

  it.each([
    [
      'hundreds of headers',
      `GET /px.gif?event_id=many HTTP/1.1\r\nHost: a\r\n${'a:b\r\n'.repeat(300)}\r\n`,
      200,
    ],
    ['more headers than fit', `GET / HTTP/1.1\r\n${'a:b\r\n'.repeat(100_000)}\r\n`, 431],
    ['one header that never ends', `GET / HTTP/1.1\r\nA: ${'b'.repeat(1_000_000)}`, 431],
    ['a path that never ends', `GET /${'b'.repeat(1_000_000)}`, 431],
    ['a method that never ends', 'G'.repeat(1_000_000), 400],
    [
      'an endless chunk extension',
      `POST /collect HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2;${'e'.repeat(1_000_000)}`,
      413,
    ],
    [
      'endless trailers',
      `POST /collect HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n${'a:b\r\n'.repeat(100_000)}\r\n`,
      431,
    ],
    [
      'bytes that are no UTF-8 in a path',
      'GET /px.gif?event_id=\xff\xfe\x80 HTTP/1.1\r\n\r\n',
      400,
    ],
    [
      'bytes that are no UTF-8 in a header',
      'GET /px.gif?event_id=agent HTTP/1.1\r\nHost: a\r\nUser-Agent: \xff\xc0\x80\r\n\r\n',
      200,
    ],
    [
      'bytes that are no UTF-8 in a body',
      post(Buffer.from('{"event_id":"\xff\xed\xa0\x80"}', 'latin1')),
      202,
    ],
    ['UTF-16', post(Buffer.from('\ufeff{"type":"a"}', 'utf16le')), 400],
    [
      'names of the prototype',
      post(
        '{"__proto__":{"type":"polluted","toString":1},"constructor":{"prototype":{"type":"polluted"}}}',
      ),
      202,
    ],
    ['a binary protocol', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
    ['a million empty lines', '\r\n'.repeat(1_000_000) + ASK, 200],
  ])('%s', async (_, bytes, status) => {
    // Who has to be cut in the middle of what it sends may not see its answer.
    expect([[status], []]).toContainEqual(await statusesOf(collector.port, bytes));
    expect(await statusesOf(collector.port, ASK)).toEqual([200]);
  });

  it('all of this, and what is stored is whole', async () => {
    await collector.drained();
    const logged = await workplace.logged();
    expect(logged.map(({ type }) => type)).toEqual(logged.map(() => 'pageview'));
    expect(logged.map(({ event_id }) => event_id)).toEqual(
      expect.arrayContaining(['many', 'agent']),
    );
    await balancedBooks(collector);
    expect(await collector.stop()).toBe(0);
  });
});
