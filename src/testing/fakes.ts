import { Field, InterpolateFunction, ScopedVars } from '@grafana/data';

import type { EditorSource } from '../components/QueryEditor';
import { Lists, LogWriters, Metric, Option, RecentRequests } from '../lists/lists';

/** For tests only: stands in for what Grafana gives a plugin. */

type Format = string | ((value: string | string[], variable: object) => string);

/** What a variable is when it is set to All: Grafana's mark, and the values that it stands for. */
export class FakeAll {
  constructor(readonly values: string[]) {}
}

/** Replaces $name, ${name} and ${name:format} as Grafana does: by the format, or by the values with commas in braces. */
export function fakeTemplateSrv(variables: Record<string, string | string[] | FakeAll>, multi = true) {
  return {
    getVariables: () => Object.keys(variables).map((name) => ({ name })),
    replace: (text = '', scopedVars: ScopedVars = {}, format?: Format) =>
      text.replace(
        /\$(?:(\w+)|\{(\w+)(?::(\w+))?\})/g,
        (whole: string, bare?: string, braced?: string, own?: string) => {
          const name = bare ?? braced ?? '';
          const set: string | string[] | FakeAll | undefined = scopedVars[name]?.value ?? variables[name];
          if (set === undefined) {
            return whole;
          }
          if (own === 'queryparam') {
            const linked = set instanceof FakeAll ? ['$__all'] : [set].flat();
            return linked.map((one) => `var-${name}=${encodeURIComponent(one)}`).join('&');
          }
          const value = set instanceof FakeAll ? set.values : set;
          if (typeof format === 'function') {
            return format(value, { name, multi, includeAll: multi });
          }
          const values = Array.isArray(value) ? value : [value];
          if (format === 'regex') {
            const escaped = values.map((one) => one.replace(/[.*+?()[\]{}|\\^$]/g, '\\$&'));
            return escaped.length > 1 ? `(${escaped.join('|')})` : escaped[0];
          }
          return values.length > 1 ? `{${values.join(',')}}` : values[0];
        }
      ),
  };
}

/** What fake lists hold. A list that is an error rejects with it. */
export interface FakeLists {
  values?: string[];
  recent?: RecentRequests | Error;
  columnValues?: Option[] | Error;
  writers?: LogWriters | Error;
  metrics?: Metric[] | Error;
  labels?: string[] | Error;
}

/** Lists as if the stores had these values. */
export function fakeLists(known: FakeLists = {}): Lists {
  const give = async <Answer>(answer: Answer | Error): Promise<Answer> => {
    if (answer instanceof Error) {
      throw answer;
    }
    return answer;
  };
  const asOptions = (values: string[] | Error = []) =>
    values instanceof Error ? values : values.map((value) => ({ text: value, value }));
  const labels = () => give(asOptions(known.labels ?? known.values));
  return {
    values: () => give(asOptions(known.values)),
    columnValues: () => give(known.columnValues ?? []),
    recentRequests: () => give(known.recent ?? { slowest: [], failed: [] }),
    logWriters: () => give(known.writers ?? { processes: [], loggers: [] }),
    metrics: () => give(known.metrics ?? []),
    labelNames: labels,
    labelValues: labels,
  };
}

/** A data source with such lists, as far as editors need one. */
export function fakeDataSource(known: FakeLists = {}): EditorSource {
  const source: Pick<EditorSource, 'lists'> = { lists: fakeLists(known) };
  return source as EditorSource;
}

/** Grafana's grammar of variables: $name, [[name:format]], ${name.path:format}. */
const linkVariable = /\$(\w+)|\[\[(\w+)(?::(\w+))?\]\]|\$\{(\w+)(?:\.([^:}]+))?(?::([^}]+))?\}/g;

/**
 * Fills links in as Grafana does, in one go: the cell that was clicked, its row and its series, the range, and the
 * dashboard's variables. Grafana's own code, which finds a cell's links and sends objects through value by value, is in
 * @grafana/data.
 */
export function fakeLinks(variables: Record<string, string>, range = 'from=1000&to=2000') {
  const encode = (text: string) =>
    encodeURIComponent(text).replace(/[!'()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`);
  const replaceVariables: InterpolateFunction = (text, scopedVars = {}) =>
    text.replace(linkVariable, (whole, bare, older, olderFormat, braced, path, bracedFormat) => {
      const name: string = bare ?? older ?? braced;
      const format: string | undefined = olderFormat ?? bracedFormat;
      if (name === '__url_time_range') {
        return range;
      }
      const { field, frame, rowIndex = 0 } = scopedVars.__dataContext?.value ?? {};
      const cell = (of?: Field) => String(of?.values[rowIndex]);
      const named = (frame?.fields ?? []).find((one: Field) => path === `fields.${one.name}`);
      const known: Record<string, string | undefined> = {
        '__value.raw': field && cell(field),
        [`__data.${path}`]: named && cell(named),
        [`__field.${path}`]: field?.labels?.[String(path).replace('labels.', '')],
        [name]: path === undefined ? variables[name] : undefined,
      };
      const value = known[path === undefined ? name : `${name}.${path}`];
      if (value === undefined) {
        return whole;
      }
      switch (format) {
        case 'queryparam':
          return `var-${name}=${encode(value)}`;
        case 'percentencode':
          return encode(value);
        default:
          return value;
      }
    });
  return { replaceVariables };
}
