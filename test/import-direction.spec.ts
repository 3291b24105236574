import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

/**
 * What each folder of `src` may import from others. `threads`, `disk` and `event` are leaves; a list of
 * files names ports: nothing else of that folder may be imported.
 */
const PORTS = {
  metrics: ['metrics/pipeline-observer', 'metrics/http-metrics.interceptor'],
  queueing: ['queueing/event-queue', 'queueing/fleet', 'queueing/queue-plan'],
  sinks: ['sinks/sink', 'sinks/configured-sinks', 'sinks/sinks.module'],
};
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  threads: [],
  config: ['threads/'],
  disk: ['threads/'],
  event: [],
  kafka: ['config/', 'threads/'],
  http: ['config/', 'event/', 'threads/'],
  metrics: ['config/', 'event/', 'http/'],
  sinks: ['config/', 'disk/', 'event/', 'kafka/', 'threads/'],
  queueing: ['config/', 'disk/', 'event/', 'kafka/', ...PORTS.metrics],
  delivery: [
    'config/',
    'disk/',
    'event/',
    'kafka/',
    'threads/',
    ...PORTS.metrics,
    ...PORTS.queueing,
    'queueing/kafka/kafka-queue.options',
    'queueing/kafka/prepare-queue',
    ...PORTS.sinks,
  ],
  ingestion: [
    'config/',
    'disk/',
    'event/',
    'http/',
    'threads/',
    ...PORTS.metrics,
    ...PORTS.queueing,
  ],
  health: ['config/', ...PORTS.metrics],
  cli: [
    'config/',
    'disk/',
    'http/http.options',
    'sinks/sinks.options',
    'configured-plan',
    'queueing/queue.catalogue',
    'queueing/queue-driver',
    'queueing/queue-plan',
    'queueing/queueing.options',
    'delivery/',
    'program-configuration',
  ],
};
/** Libraries that a few places keep to themselves. */
const OWNED: Readonly<Record<string, string | readonly string[]>> = {
  'prom-client': 'metrics',
  '@willsoto/nestjs-prometheus': 'metrics',
  'node:sqlite': 'disk',
  '@platformatic/kafka': ['kafka', 'queueing/kafka'],
  pg: 'sinks',
  'pg-copy-streams': 'sinks',
};

const MAX_CLASS_LINES = 250;
const MAX_CONSTRUCTOR_PARAMETERS = 5;

const IMPORT = /(?:from|import)\s*\(?\s*'([^']+)'/g;

const all = globSync('src/**/*.ts').filter((path) => !path.endsWith('.spec.ts'));
const sources = all.filter((path) => dirname(path) !== 'src');

function importsOf(path: string): string[] {
  return [...readFileSync(path, 'utf8').matchAll(IMPORT)].map(([, name = '']) => name);
}

/** Paths of the files of `src` that it imports, types among them. */
function importedFiles(path: string): string[] {
  return importsOf(path)
    .filter((name) => name.startsWith('.'))
    .map((name) => join(dirname(path), name).replace(/\.js$/, '.ts'));
}

/** Follows imports from each file; a file that is met again on its own way closes a cycle. */
function cycles(paths: readonly string[]): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, way: readonly string[]): void => {
    const start = way.indexOf(path);
    if (start >= 0) {
      found.push([...way.slice(start), path].join(' → '));
    } else if (!done.has(path)) {
      importedFiles(path).forEach((target) => visit(target, [...way, path]));
      done.add(path);
    }
  };
  paths.forEach((path) => visit(path, []));
  return found;
}

/** All nodes of a file for which `describe` returns a text. */
function nodesOf(
  path: string,
  describeNode: (node: ts.Node, file: ts.SourceFile) => string | undefined,
): string[] {
  const file = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest);
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    const text = describeNode(node, file);
    if (text !== undefined) {
      found.push(`${path}: ${text}`);
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

function tooLongClass(node: ts.Node, file: ts.SourceFile): string | undefined {
  if (!ts.isClassLike(node)) {
    return undefined;
  }
  const lineOf = (position: number): number => file.getLineAndCharacterOfPosition(position).line;
  const lines = lineOf(node.getEnd()) - lineOf(node.getStart(file)) + 1;
  return lines > MAX_CLASS_LINES ? `${node.name?.text} has ${lines} lines` : undefined;
}

function tooManyParameters(node: ts.Node): string | undefined {
  return ts.isConstructorDeclaration(node) && node.parameters.length > MAX_CONSTRUCTOR_PARAMETERS
    ? `a constructor has ${node.parameters.length} parameters`
    : undefined;
}

const folderOf = (path: string): string => relative('src', path).split('/')[0] ?? '';

describe('imports', () => {
  it('go one way only', () => {
    // The command line stands above all folders: it may import from each, and none from it.
    const below = sources.filter((path) => folderOf(path) !== 'cli');
    const backwards = below.flatMap((path) =>
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
        .filter(
          (name) =>
            name in OWNED &&
            ![OWNED[name]]
              .flat()
              .some((owner) => dirname(relative('src', path)).startsWith(owner ?? '')),
        )
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

  it('close no cycle', () => {
    expect(cycles(all)).toEqual([]);
  });
});

describe('classes', () => {
  it(`have at most ${MAX_CLASS_LINES} lines`, () => {
    expect(all.flatMap((path) => nodesOf(path, tooLongClass))).toEqual([]);
  });

  it(`have at most ${MAX_CONSTRUCTOR_PARAMETERS} constructor parameters`, () => {
    expect(all.flatMap((path) => nodesOf(path, tooManyParameters))).toEqual([]);
  });

  it('declare private members with the keyword', () => {
    const names = all.flatMap((path) =>
      nodesOf(path, (node) => (ts.isPrivateIdentifier(node) ? node.text : undefined)),
    );
    expect([...new Set(names)]).toEqual([]);
  });
});
