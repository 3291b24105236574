import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The one of docker-compose.yml. */
export const KAFKA_VERSION = '4.4.0';
const CACHE = resolve('.cache/kafka');
const JARS = join(CACHE, KAFKA_VERSION);
/** For a start within a second or two rather than for speed. */
const JVM = ['-Xmx384m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-XX:-UsePerfData'];
const CLASS_PATH = ['-cp', join(JARS, '*')];

/** A node of a cluster as a process, with its own directory. */
export class KafkaProcess {
  /** What it says of itself. */
  readonly log: string[] = [];
  private child: ChildProcess | undefined;

  private constructor(private readonly configuration: string) {}

  /** @param formatOptions more of the command line that prepares its directory */
  static async create(
    directory: string,
    properties: Readonly<Record<string, string>>,
    clusterId: string,
    formatOptions: readonly string[] = [],
  ): Promise<KafkaProcess> {
    await fetchJars();
    const configuration = join(directory, `node-${properties['node.id']}.properties`);
    const lines = Object.entries(properties).map(([name, value]) => `${name}=${value}\n`);
    await writeFile(configuration, lines.join(''));
    const format = ['format', '-t', clusterId, ...formatOptions, '-c', configuration];
    await run('java', [...JVM, ...CLASS_PATH, 'kafka.tools.StorageTool', ...format]);
    return new KafkaProcess(configuration);
  }

  /** Undefined before its first start. */
  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** Unless it is running. */
  start(): void {
    if (this.child?.exitCode === null && this.child.signalCode === null) {
      return;
    }
    // What it unpacks there is not left behind by a kill.
    const scratch = `-Djava.io.tmpdir=${dirname(this.configuration)}`;
    const child = spawn(
      'java',
      [...JVM, scratch, ...CLASS_PATH, 'kafka.Kafka', this.configuration],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => this.log.push(chunk.toString()));
    }
    this.child = child;
  }

  /** @throws it has ended by itself */
  assertRunning(): void {
    if (this.child && this.child.exitCode !== null) {
      throw new Error(`Kafka ended with ${this.child.exitCode}:\n${this.log.join('')}`);
    }
  }

  /** It can be started again, with what it holds and at the same addresses. */
  async halt(signal: NodeJS.Signals): Promise<void> {
    const { child } = this;
    this.child = undefined;
    if (child && child.exitCode === null && child.signalCode === null) {
      child.kill(signal);
      await once(child, 'close');
    }
  }
}

/** Whole or not at all: several workers may do it at the same time. */
async function fetchJars(): Promise<void> {
  if (existsSync(JARS)) {
    return;
  }
  await mkdir(CACHE, { recursive: true });
  const scratch = await mkdtemp(join(CACHE, 'fetching-'));
  try {
    await writeFile(
      join(scratch, 'pom.xml'),
      `<project xmlns="http://maven.apache.org/POM/4.0.0">
        <modelVersion>4.0.0</modelVersion>
        <groupId>gotrack</groupId><artifactId>kafka-for-tests</artifactId><version>1</version>
        <dependencies><dependency>
          <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${KAFKA_VERSION}</version>
        </dependency></dependencies>
      </project>`,
    );
    const options = ['-DoutputDirectory=jars', '-DincludeScope=runtime'];
    await run('mvn', ['-q', '-B', 'dependency:copy-dependencies', ...options], { cwd: scratch });
    await rename(join(scratch, 'jars'), JARS);
  } catch (error) {
    if (!existsSync(JARS)) {
      throw error;
    }
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
