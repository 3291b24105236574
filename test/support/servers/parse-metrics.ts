export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const LINE = /^(?<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(?<labels>[^}]*)\})? (?<value>\S+)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"/g;

/** The samples of a Prometheus text exposition 0.0.4; throws on a line that is none. */
export function parseMetrics(text: string): readonly Sample[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const groups = LINE.exec(line)?.groups;
      if (!groups) {
        throw new Error(`no sample: ${line}`);
      }
      const labels = [...(groups['labels'] ?? '').matchAll(LABEL)].map(([, label, value]) => [
        label,
        value,
      ]);
      return {
        name: groups['name'] ?? '',
        labels: Object.fromEntries(labels) as Record<string, string>,
        value: Number(groups['value']),
      };
    });
}
