import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { until } from './collector.js';
import { debianProgram, type Program, runDebianProgram } from './debian-program.js';
import { freePort } from './free-port.js';

const PACKAGES = ['caddy'];

/** Debian's; undefined, and said why, where it cannot be had. */
export function findCaddy(): Program | undefined {
  const program = debianProgram('caddy', PACKAGES);
  if (!program) {
    process.stderr.write('no Caddy to test with: Debian has no package of it here\n');
  }
  return program;
}

/** A running Caddy that serves plain HTTP on `port`. */
export class Caddy {
  private constructor(
    readonly port: number,
    private readonly child: ChildProcess,
  ) {}

  /**
   * @param settings what the Caddyfile takes from the environment, but for GOTRACK_SITE and CADDY_ADMIN
   * @param directory where its own data goes
   */
  static async start(
    caddyfile: string,
    settings: Readonly<Record<string, string>>,
    directory: string,
  ): Promise<Caddy> {
    const program = debianProgram('caddy', PACKAGES);
    const [port, admin] = [await freePort(), await freePort()];
    const args = ['run', '--config', caddyfile, '--adapter', 'caddyfile'];
    const child = spawn(program?.path ?? '', args, {
      stdio: 'ignore',
      env: {
        ...process.env,
        ...program?.environment,
        ...settings,
        GOTRACK_SITE: `http://127.0.0.1:${port}`,
        CADDY_ADMIN: `127.0.0.1:${admin}`,
        XDG_DATA_HOME: `${directory}/caddy-data`,
        XDG_CONFIG_HOME: `${directory}/caddy-config`,
      },
    });
    await until(async () => (await fetch(`http://127.0.0.1:${admin}/config/`)).ok);
    return new Caddy(port, child);
  }

  /** Checks a Caddyfile without serving anything. @returns the same as JSON @throws Error that names its faults */
  static async adapted(
    caddyfile: string,
    settings: Readonly<Record<string, string>>,
  ): Promise<string> {
    const args = ['adapt', '--validate', '--config', caddyfile];
    return runDebianProgram('caddy', PACKAGES, args, settings);
  }

  async stop(): Promise<void> {
    this.child.kill('SIGKILL');
    await once(this.child, 'close');
  }
}
