import { SeriesFilter } from './lists/lists';

/** What a variable of Grafana's Prometheus data source lists, as far as this data source lists the same. */
export type ImportedVariable =
  { list: 'labels'; metric?: string } | ({ list: 'labelValues'; label: string } & SeriesFilter);

/** label_values(label), label_values(metric, label) and label_values(metric{a="b"}, label). */
const labelValues = /^\s*label_values\(\s*(?:(.+?)\s*,\s*)?([^\s,(){}]+)\s*\)\s*$/s;
const selector = /^([^{}\s]*)\s*(?:\{(.*)\})?$/s;
const matcher = /"?([^\s,"=!~{}]+)"?\s*(=~|!~|!=|=)\s*"((?:\\.|[^"\\])*)"/g;

/** The text of a variable that Grafana's Prometheus data source saved: the query itself, or an object that holds it. */
export function savedText(query: unknown): string | undefined {
  if (typeof query === 'string') {
    return query;
  }
  const text = typeof query === 'object' && query !== null && 'query' in query ? query.query : undefined;
  return typeof text === 'string' ? text : undefined;
}

/** Reads such a text once its variables are filled in; undefined when it lists something else. */
export function importVariable(text: string): ImportedVariable | undefined {
  if (/^\s*label_names\(\s*\)\s*$/.test(text)) {
    return { list: 'labels' };
  }
  const [, series = '', label] = labelValues.exec(text) ?? [];
  const [whole, metric, conditions = ''] = selector.exec(series) ?? [];
  if (!label || whole === undefined) {
    return undefined;
  }
  const match = [...conditions.matchAll(matcher)].map(
    ([, name, op, value]) => name + op + value.replace(/\\(.)/g, '$1')
  );
  return { list: 'labelValues', label, ...(metric && { metric }), ...(match.length && { match }) };
}
