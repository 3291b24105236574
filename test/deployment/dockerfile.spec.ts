import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, chown, cp, mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);

interface Instruction {
  readonly name: string;
  readonly value: string;
}

/** What one `FROM` begins. */
interface Stage {
  readonly name: string;
  readonly root: string;
  readonly environment: Record<string, string>;
  workingDirectory: string;
  user: string | undefined;
  entryPoint: string[];
  command: string[];
  healthCheck: string[];
}

async function instructions(): Promise<Instruction[]> {
  const text = await readFile('Dockerfile', 'utf8');
  return text
    .replaceAll(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name = '', value = ''] = /^(\w+)\s+(.*)$/.exec(line) ?? [];
      return { name, value };
    });
}

const asList = (value: string): string[] => JSON.parse(value) as string[];

/** Node of devDependencies stands for that of the image; npm is the machine's. */
const nodePath = `${dirname(process.execPath)}:${process.env['PATH']}`;

/**
 * Does what a builder would do with the Dockerfile, a directory for each stage's file system. Paths of `RUN` have to be
 * relative for that.
 */
async function build(directory: string): Promise<Stage> {
  const stages: Stage[] = [];
  for (const { name, value } of await instructions()) {
    const stage = stages.at(-1);
    if (name === 'FROM') {
      const alias = / AS (\w+)$/.exec(value)?.[1] ?? 'final';
      expect(value).toMatch(/^node:26\.\d+\.\d+-slim\b/);
      const root = join(directory, alias);
      await mkdir(root);
      stages.push({
        name: alias,
        root,
        environment: {},
        workingDirectory: '/',
        user: undefined,
        entryPoint: [],
        command: [],
        healthCheck: [],
      });
      continue;
    }
    if (!stage) {
      throw new Error('the Dockerfile does not begin with FROM');
    }
    const here = join(stage.root, stage.workingDirectory);
    switch (name) {
      case 'WORKDIR':
        stage.workingDirectory = value;
        await mkdir(join(stage.root, value), { recursive: true });
        break;
      case 'COPY': {
        const parts = value.split(/\s+/);
        const from = /^--from=(\w+)$/.exec(parts[0] ?? '')?.[1];
        const source = from === undefined ? process.cwd() : join(directory, from);
        const paths = parts.slice(from === undefined ? 0 : 1);
        const target = paths.pop() ?? '';
        for (const path of paths) {
          const isMany = target.endsWith('/');
          const to = join(here, target, isMany ? path : '');
          await cp(join(source, path), to, { recursive: true, verbatimSymlinks: true });
        }
        break;
      }
      case 'RUN':
        await run('sh', ['-c', value], {
          cwd: here,
          // How this machine reaches the registry is in its environment.
          env: { ...process.env, NODE_ENV: '', PATH: nodePath, ...stage.environment },
        });
        break;
      case 'ARG':
      case 'ENV': {
        const [variable = '', content = ''] = value.split('=');
        stage.environment[variable] = content;
        break;
      }
      case 'USER':
        stage.user = value;
        break;
      case 'ENTRYPOINT':
        stage.entryPoint = asList(value);
        break;
      case 'CMD':
        stage.command = asList(value);
        break;
      case 'HEALTHCHECK':
        stage.healthCheck = asList(value.replace(/^.*?CMD /, ''));
        break;
      case 'VOLUME':
      case 'EXPOSE':
        break;
      default:
        throw new Error(`the Dockerfile has ${name}, which this test does not know`);
    }
  }
  const final = stages.at(-1);
  if (!final) {
    throw new Error('the Dockerfile is empty');
  }
  return final;
}

const isRoot = process.getuid?.() === 0;

describe('the image', () => {
  let directory: string;
  let image: Stage;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'gotrack-image-'));
    await chmod(directory, 0o755);
    image = await build(directory);
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  const identity = (): { uid?: number; gid?: number } => {
    const [uid, gid] = (image.user ?? '').split(':').map(Number);
    return isRoot && uid !== undefined && gid !== undefined ? { uid, gid } : {};
  };

  /** The volume is a directory of the test's own. */
  function variables(volume: string): Record<string, string> {
    return {
      PATH: nodePath,
      ...image.environment,
      QUEUE_PATH: join(volume, 'queue'),
      DEAD_LETTER_PATH: join(volume, 'dead-letters'),
      LOG_PATH: join(volume, 'events.ndjson'),
      SERVER_ADDR: '127.0.0.1:0',
      SHUTDOWN_DELAY_MS: '0',
    };
  }

  function start(
    [command = '', ...args]: readonly string[],
    env: Record<string, string>,
  ): ReturnType<typeof spawn> {
    const cwd = join(image.root, image.workingDirectory);
    return spawn(command, args, { cwd, env, ...identity() });
  }

  it('runs as a user that is not root, and gives it the volume', async () => {
    expect(image.user).toMatch(/^[1-9]\d*:[1-9]\d*$/);
    const { uid } = await stat(join(image.root, 'data'));
    expect(uid).toBe(isRoot ? Number(image.user?.split(':')[0]) : process.getuid?.());
  });

  it('has what runs, and nothing that only builds or tests', async () => {
    const root = join(image.root, image.workingDirectory);
    const { dependencies } = JSON.parse(await readFile('package.json', 'utf8')) as {
      dependencies: Record<string, string>;
    };
    const { packages } = JSON.parse(await readFile('package-lock.json', 'utf8')) as {
      packages: Record<string, { dev?: boolean }>;
    };
    const development = Object.keys(packages).filter((path) => packages[path]?.dev);

    for (const name of Object.keys(dependencies)) {
      expect(join(root, 'node_modules', name)).toSatisfy(existsSync);
    }
    expect(development.length).toBeGreaterThan(50);
    expect(development.filter((path) => existsSync(join(root, path)))).toEqual([]);
    expect((await readdir(root)).toSorted()).toEqual([
      'config',
      'dist',
      'gotrack',
      'node_modules',
      'package.json',
    ]);
    expect((await readdir(join(root, 'dist'))).some((name) => name.endsWith('.spec.js'))).toBe(
      false,
    );
  });

  it('serves, says that it is healthy, keeps what it took, and stops in order', async () => {
    const volume = join(image.root, 'data');
    const env = variables(volume);
    const server = start([...image.entryPoint, ...image.command], env);
    const closed = once(server, 'close');
    try {
      let port = 0;
      const lines: string[] = [];
      for await (const line of createInterface({ input: server.stderr ?? process.stdin })) {
        lines.push(line);
        port = Number(/collector listens on .* port (\d+)/.exec(line)?.[1] ?? 0);
        if (port > 0) {
          break;
        }
      }
      expect(lines.at(-1)).toContain('collector listens on');
      server.stderr?.resume();

      const healthy = start(image.healthCheck, { ...env, SERVER_ADDR: `127.0.0.1:${port}` });
      expect(await once(healthy, 'close')).toEqual([0, null]);
      const response = await fetch(`http://127.0.0.1:${port}/px.gif?event_id=image`);
      expect(response.status).toBe(200);
    } finally {
      server.kill('SIGTERM');
    }
    expect(await closed).toEqual([0, null]);
    expect(await readFile(join(volume, 'events.ndjson'), 'utf8')).toContain('"event_id":"image"');
    const down = start(image.healthCheck, { ...env, SERVER_ADDR: '127.0.0.1:1' });
    expect((await once(down, 'close'))[0]).toBe(1);
  });

  it.skipIf(!isRoot)(
    'says which uid has to be able to write when a path cannot be written',
    async () => {
      const volume = await mkdtemp(join(directory, 'volume-'));
      await chmod(volume, 0o755);
      await chown(volume, 0, 0);
      const server = start(image.entryPoint, variables(volume));
      let told = '';
      server.stderr?.on('data', (chunk: Buffer) => (told += chunk.toString()));

      expect((await once(server, 'close'))[0]).toBe(1);
      expect(told).toContain('QUEUE_PATH');
      expect(told).toContain(`uid ${image.user?.split(':')[0]}`);
    },
  );

  it('is what .dockerignore lets through', async () => {
    const allowed = (await readFile('.dockerignore', 'utf8'))
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1));
    const copied = (await instructions())
      .filter(({ name, value }) => name === 'COPY' && !value.startsWith('--from'))
      .flatMap(({ value }) => value.split(/\s+/).slice(0, -1));

    expect([...new Set(copied)].toSorted()).toEqual(allowed.toSorted());
    expect(copied.every((path) => resolve(path).startsWith(process.cwd()))).toBe(true);
  });
});
