import {
  AdHocVariableFilter,
  applyFieldOverrides,
  createTheme,
  DataFrame,
  DataFrameJSON,
  dataFrameFromJSON,
  dateTime,
  TimeRange,
} from '@grafana/data';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { fakeLinks } from './testing/fakes';
import { applyFilters } from './filters/adhoc';
import { withLinkRange } from './linkRange';

const root = join(__dirname, '..');
const hostile: string[] = JSON.parse(readFileSync(join(root, 'tools', 'links', 'hostile.json'), 'utf8'));
const bounds = { from: dateTime(1000), to: dateTime(2000) };
const range: TimeRange = { ...bounds, raw: bounds };

/** Every frame that pkg/frames is known to make, as the browser gets it. */
const golden = join(root, 'pkg', 'frames', 'testdata');
const frames = readdirSync(golden).flatMap((name) => {
  const text = readFileSync(join(golden, name), 'utf8').replace(/^\/\/.*$/gm, '');
  const { frames = [] }: { frames?: DataFrameJSON[] } = JSON.parse(text);
  return frames.map((frame) => ({ name, frame: dataFrameFromJSON(frame) }));
});

/** The frame with a text in every cell of a column of texts, and with one row at least. */
function saying(frame: DataFrame, said: string): DataFrame {
  const length = Math.max(frame.length, 1);
  const fields = frame.fields.map((field) => ({
    ...field,
    state: null, // of another text
    config: JSON.parse(JSON.stringify(field.config)), // Grafana writes into links
    values: Array.from({ length }, (_, i) => (field.type === 'string' ? said : (field.values[i] ?? 1))),
  }));
  return { ...frame, length, fields };
}

/** Grafana's own code from a frame to the address of each of its links. */
function addresses(frame: DataFrame): Array<{ field: string; href: string; target: unknown }> {
  const { replaceVariables } = fakeLinks({ datasource: 'other', model: 'other' });
  const { data } = withLinkRange({ data: [frame] }, range);
  const [shown] = applyFieldOverrides({
    data,
    fieldConfig: { defaults: {}, overrides: [] },
    replaceVariables,
    theme: createTheme(),
    timeZone: 'utc',
  });
  return shown.fields.flatMap((field, i) =>
    (field.getLinks?.({ valueRowIndex: 0 }) ?? []).map((link, which) => ({
      field: field.name,
      href: link.href,
      target: data[0].fields[i].config.links[which].internal,
    }))
  );
}

/** What a link asks for when each of its variables is a text: value by value, so nothing else can change. */
function filled(value: unknown, said: string): unknown {
  if (typeof value === 'string') {
    return /^\$\{__(value\.raw|data\.fields\.\w+)\}$/.test(value) ? said : value;
  }
  if (Array.isArray(value)) {
    return value.map((one) => filled(one, said));
  }
  return value && typeof value === 'object'
    ? Object.fromEntries(Object.entries(value).map(([key, one]) => [key, filled(one, said)]))
    : value;
}

const linking = frames.filter(({ frame }) => frame.fields.some(({ config }) => config.links?.length));

test('frames have links, all of them objects that Grafana fills in', () => {
  expect(linking.length).toBeGreaterThan(2);
  for (const { frame } of linking) {
    for (const link of frame.fields.flatMap(({ config }) => config.links ?? [])) {
      expect(link.internal?.datasourceUid).toBe('vllm');
      expect(link.url || link.onBuildUrl || link.onClick).toBeFalsy();
      expect(link.title).not.toMatch(/[$[{]/);
      // A variable is all of a value, or none of it.
      for (const [text] of JSON.stringify(link.internal).matchAll(/"[^"]*(\$|\[\[)[^"]*"/g)) {
        expect(text).toMatch(/^"\$\{__(value\.raw|data\.fields\.\w+)\}"$/);
      }
    }
  }
});

test('the links of every frame ask for the text that stands in the cell, and for nothing else', () => {
  let asked = 0;
  for (const said of hostile) {
    for (const { frame } of linking) {
      const isText = (name: string) => frame.fields.find((one) => one.name === name)?.type === 'string';
      for (const { field, href, target } of addresses(saying(frame, said))) {
        const url = new URL(href, 'http://grafana');
        expect([url.origin, url.pathname, url.hash]).toEqual(['http://grafana', '/explore', '']);
        expect([...url.searchParams.keys()]).toEqual(['left']);
        const { query, panelsState } = target as { query: object; panelsState?: object };
        const ofCell = JSON.stringify(query).includes('__value.raw') && !isText(field) ? '1' : said;
        expect(JSON.parse(url.searchParams.get('left') ?? '')).toEqual({
          datasource: 'vllm',
          queries: [{ ...(filled(query, ofCell) as object), datasource: { uid: 'vllm' } }],
          range: { from: '1000', to: '2000' },
          ...(panelsState && { panelsState: filled(panelsState, said) }),
        });
        asked++;
      }
    }
  }
  expect(asked).toBeGreaterThan(5 * hostile.length);
});

/** A filter as Grafana reads it from a link: three parts, in which its own marks stand for what would part them. */
function fromLink(text: string): AdHocVariableFilter {
  const marks: Array<[RegExp, string]> = [
    [/__gfp__/g, '|'],
    [/__gfc__/g, ','],
    [/__gfh__/g, '#'],
  ];
  const [key, operator, value] = text
    .split('|')
    .map((part) => marks.reduce((left, [mark, meant]) => left.replace(mark, meant), part));
  return { key, operator, value };
}

test('the links of alert rules filter requests as the rule does', () => {
  const files = ['rules.yml', 'rules-without-prometheus.yml.sample'].map((name) =>
    readFileSync(join(root, 'provisioning', 'alerting', name), 'utf8')
  );
  const links = files.flatMap((text) => [...text.matchAll(/requests_url: '\{\{ externalURL \}\}(.*)'/g)]);
  expect(links.length).toBeGreaterThan(6);
  const taken = new Set<string>();
  for (const [, link] of links) {
    const texts = new URL(link, 'http://grafana').searchParams.getAll('var-filters');
    const { query, refused } = applyFilters({ refId: 'A', queryType: 'requests' }, texts.map(fromLink), {});
    expect(refused).toEqual([]);
    query.requests?.filters?.forEach((filter) => taken.add(JSON.stringify(filter)));
    expect(query.requests?.filters ?? []).toHaveLength(texts.length);
  }
  expect([...taken].sort()).toEqual(
    [
      { column: 'outside_engine', op: '>', value: '2s' },
      { column: 'queue', op: '>', value: '1s' },
      { column: 'slo_met', op: '=', value: 'false' },
      { column: 'status', op: '=', value: 'error' },
      { column: 'status', op: '=~', value: 'error|rejected' },
      { column: 'ttft', op: '>', value: '1s' },
      { column: 'unaccounted', op: '>', value: '1s' },
    ].map((filter) => JSON.stringify(filter))
  );
});
