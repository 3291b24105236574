import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly datasource?: { readonly uid: string };
  readonly gridPos: {
    readonly x: number;
    readonly y: number;
    readonly w: number;
    readonly h: number;
  };
  readonly targets?: readonly {
    readonly expr: string;
    readonly refId: string;
    readonly datasource: { readonly uid: string };
  }[];
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
}

export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly schemaVersion: number;
  readonly tags: readonly string[];
  readonly links: readonly { readonly tags: readonly string[] }[];
  readonly annotations: { readonly list: readonly { readonly expr: string }[] };
  readonly templating: {
    readonly list: readonly {
      readonly name: string;
      readonly type: string;
      /** Only a query has it. */
      readonly definition?: string;
    }[];
  };
  readonly panels: readonly Panel[];
}

export const DASHBOARDS = 'config/grafana/dashboards';
export const RULES = 'config/prometheus/rules';
export const RULE_TESTS = 'config/prometheus/tests';

/** By the name of their file. */
export async function readDashboards(): Promise<ReadonlyMap<string, Dashboard>> {
  const files = await readFolder(DASHBOARDS);
  return new Map(files.map(([name, text]) => [name, JSON.parse(text) as Dashboard]));
}

/** Name and text of each file. */
export async function readFolder(folder: string): Promise<readonly (readonly [string, string])[]> {
  const names = await readdir(folder);
  return Promise.all(
    names.map(async (name) => [name, await readFile(join(folder, name), 'utf8')] as const),
  );
}

/** A query as Grafana asks it, with all chosen. */
export function substituted(expression: string): string {
  return expression
    .replaceAll('$__rate_interval', '5m')
    .replaceAll('$__range', '5m')
    .replaceAll(/\$(?:job|instance|sink)\b/g, '.+');
}

const METRIC = /\b(?:gotrack|process|nodejs|promhttp)_\w+/g;

/** The metrics of GoTrack that a rule or a query names; not what a recording rule made of one. */
export function metricsIn(text: string): readonly string[] {
  return [...text.replaceAll(/\b\w+:\w+:\w+/g, '').matchAll(METRIC)].map(([name]) => name);
}

/** The rules once the example of a source that is listed is no comment. */
export function withListedSource(rules: string): string {
  return rules.replace(
    /^( +)# (- record: source:gotrack_expected:list\n +)# ( .*\n +)# ( .*)$/m,
    '$1$2$3$4',
  );
}
