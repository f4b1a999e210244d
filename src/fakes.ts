import { ScopedVars } from '@grafana/data';

import { VllmDataSource } from './datasource';

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

/** A data source whose stores know these values. */
export function fakeDataSource(values: string[] = []): VllmDataSource {
  const options = async () => values.map((value) => ({ text: value, value }));
  const fake: Pick<VllmDataSource, 'values' | 'labels' | 'labelValues'> = {
    values: options,
    labels: options,
    labelValues: options,
  };
  return fake as VllmDataSource;
}
