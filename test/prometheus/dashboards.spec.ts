import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { type Panel, readDashboards } from '../support/servers/monitoring-files.js';

const DATA_SOURCE = 'gotrack-prometheus';
const CHOSEN = '${datasource}';
const dashboards = await readDashboards();

function overlap({ gridPos: a }: Panel, { gridPos: b }: Panel): boolean {
  return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
}

it('are those of the documents', () => {
  expect([...dashboards.keys()].toSorted()).toEqual([
    'fleet.json',
    'http.json',
    'ingestion.json',
    'overview.json',
    'queue-and-sinks.json',
    'runtime.json',
  ]);
});

it('have the data source that is provisioned', async () => {
  const provisioned = await readFile(
    'config/grafana/provisioning/datasources/prometheus.yml',
    'utf8',
  );
  expect(provisioned).toContain(`uid: ${DATA_SOURCE}\n`);
});

describe.each([...dashboards])('%s', (name, dashboard) => {
  const panels = dashboard.panels.filter(({ type }) => type !== 'row');

  it('has the uid of its file, and links to the others', () => {
    expect(dashboard.uid).toBe(`gotrack-${name.replace('.json', '')}`);
    expect(dashboard.schemaVersion).toBeGreaterThanOrEqual(41);
    expect(dashboard.tags).toContain('gotrack');
    expect(dashboard.links).toMatchObject([{ type: 'dashboards', tags: ['gotrack'] }]);
  });

  it('is chosen by data source, job and instance, and by sink where a panel asks for it', () => {
    const variables = dashboard.templating.list.map(({ name: variable }) => variable);
    const sink = JSON.stringify(dashboard.panels).includes('$sink') ? ['sink'] : [];
    expect(variables).toEqual(['datasource', 'job', 'instance', ...sink]);
  });

  it('begins with the data source that is provisioned', () => {
    expect(dashboard.templating.list[0]).toMatchObject({
      type: 'datasource',
      query: 'prometheus',
      current: { value: DATA_SOURCE },
    });
  });

  it('has panels with an id and a place of their own', () => {
    const ids = dashboard.panels.map(({ id }) => id);
    expect(ids).toEqual([...new Set(ids)]);
    const overlapping = dashboard.panels.flatMap((panel, index) =>
      dashboard.panels
        .slice(index + 1)
        .filter((other) => overlap(panel, other))
        .map((other) => [panel.title, other.title]),
    );
    expect(overlapping).toEqual([]);
    expect(dashboard.panels.filter(({ gridPos: { x, w } }) => x + w > 24)).toEqual([]);
  });

  it('says of each panel what it shows, and in which unit', () => {
    const mute = panels.filter(
      ({ type, description = '', fieldConfig }) =>
        !['timeseries', 'stat', 'table'].includes(type) ||
        !description.endsWith('.') ||
        (fieldConfig?.defaults.unit ?? '') === '',
    );
    expect(mute.map(({ title }) => title)).toEqual([]);
  });

  it('asks the data source that was chosen, and no other', () => {
    const astray = panels.filter(
      ({ datasource, targets = [] }) =>
        datasource?.uid !== CHOSEN ||
        targets.length === 0 ||
        targets.some((target) => target.datasource.uid !== CHOSEN),
    );
    expect(astray.map(({ title }) => title)).toEqual([]);
    // Variables and annotations ask, too.
    const named = JSON.stringify(dashboard).matchAll(/"datasource":\{[^}]*?"uid":"([^"]*)"/g);
    expect([...new Set([...named].map(([, uid]) => uid))]).toEqual([CHOSEN]);
  });
});
