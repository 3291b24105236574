export interface Check {
  /** `process`, `queue`, `dead-letters` or `sink:<name>`. */
  readonly name: string;
  readonly state: string;
  /** `down` takes the collector out of its balancer; a sink that is down only degrades it, since its events queue. */
  readonly status: 'up' | 'degraded' | 'down';
  readonly error?: string | undefined;
}

/**
 * What the collector can do now. It lives outside both applications, since the metrics application
 * answers before the collector is there and after it is gone.
 */
export class Readiness {
  private readonly added: (() => Check | undefined)[] = [];
  private process: 'starting' | 'running' | 'draining' = 'starting';

  /** @param check asked at each probe, in the order in which checks were added; undefined when it has nothing to say */
  add(check: () => Check | undefined): void {
    this.added.push(check);
  }

  started(): void {
    this.process = 'running';
  }

  drainBegun(): void {
    this.process = 'draining';
  }

  checks(): readonly Check[] {
    const status = this.process === 'running' ? 'up' : 'down';
    return [
      { name: 'process', state: this.process, status },
      ...this.added.flatMap((check) => check() ?? []),
    ];
  }
}
