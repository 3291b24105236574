import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

/**
 * What each folder of `src` may import from others. `config`, `disk` and `event` are leaves; a list of
 * files names ports: nothing else of that folder may be imported.
 */
const PORTS = {
  metrics: ['metrics/pipeline-observer', 'metrics/http-metrics.interceptor'],
  queueing: ['queueing/event-queue'],
  sinks: ['sinks/sink', 'sinks/configured-sinks', 'sinks/sinks.module'],
};
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  config: [],
  disk: [],
  event: [],
  kafka: ['config/'],
  http: ['config/', 'event/'],
  metrics: ['config/', 'event/', 'http/'],
  sinks: ['config/', 'disk/', 'event/', 'kafka/'],
  queueing: ['config/', 'disk/', 'event/', 'kafka/', ...PORTS.metrics],
  delivery: [
    'config/',
    'disk/',
    'event/',
    'kafka/',
    ...PORTS.metrics,
    ...PORTS.queueing,
    ...PORTS.sinks,
  ],
  ingestion: ['config/', 'disk/', 'event/', 'http/', ...PORTS.metrics, ...PORTS.queueing],
  health: ['config/', ...PORTS.metrics],
};
/** Libraries that one folder keeps to itself. */
const OWNED: Readonly<Record<string, string>> = {
  'prom-client': 'metrics',
  '@willsoto/nestjs-prometheus': 'metrics',
  '@nestjs/terminus': 'health',
  'node:sqlite': 'disk',
  '@platformatic/kafka': 'kafka',
  pg: 'sinks',
  'pg-copy-streams': 'sinks',
};

const IMPORT = /(?:from|import)\s*\(?\s*'([^']+)'/g;

const sources = globSync('src/*/**/*.ts').filter((path) => !path.endsWith('.spec.ts'));

function importsOf(path: string): string[] {
  return [...readFileSync(path, 'utf8').matchAll(IMPORT)].map(([, name = '']) => name);
}

const folderOf = (path: string): string => relative('src', path).split('/')[0] ?? '';

describe('imports', () => {
  it('go one way only', () => {
    const backwards = sources.flatMap((path) =>
      importsOf(path)
        .filter((name) => name.startsWith('.'))
        .map((name) => relative('src', join(dirname(path), name)).replace(/\.js$/, ''))
        .filter((target) => target.split('/')[0] !== folderOf(path))
        .filter(
          (target) =>
            !ALLOWED[folderOf(path)]?.some((allowed) =>
              allowed.endsWith('/') ? target.startsWith(allowed) : target === allowed,
            ),
        )
        .map((target) => `${path} → ${target}`),
    );
    expect(sources.length).toBeGreaterThan(50);
    expect(backwards).toEqual([]);
  });

  it('leave each library to the folder that owns it', () => {
    const strays = sources.flatMap((path) =>
      importsOf(path)
        .filter((name) => name in OWNED && OWNED[name] !== folderOf(path))
        .map((name) => `${path} → ${name}`),
    );
    expect(strays).toEqual([]);
  });

  it('read the environment in config only', () => {
    const readers = sources.filter(
      (path) => folderOf(path) !== 'config' && readFileSync(path, 'utf8').includes('process.env'),
    );
    expect(readers).toEqual([]);
  });
});
