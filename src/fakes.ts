import { ScopedVars } from '@grafana/data';

import { VllmDataSource } from './datasource';

/** For tests only: stands in for what Grafana gives a plugin. */

type Format = string | ((value: string | string[], variable: object) => string);

/** Replaces $name and ${name} as Grafana does: by the format, or by the values with commas in braces. */
export function fakeTemplateSrv(variables: Record<string, string | string[]>, multi = true) {
  return {
    getVariables: () => Object.keys(variables).map((name) => ({ name })),
    replace: (text = '', scopedVars: ScopedVars = {}, format?: Format) =>
      text.replace(/\$(?:(\w+)|\{(\w+)\})/g, (whole: string, bare?: string, braced?: string) => {
        const name = bare ?? braced ?? '';
        const value: string | string[] | undefined = scopedVars[name]?.value ?? variables[name];
        if (value === undefined) {
          return whole;
        }
        if (typeof format === 'function') {
          return format(value, { multi, includeAll: multi });
        }
        const values = Array.isArray(value) ? value : [value];
        if (format === 'regex') {
          const escaped = values.map((one) => one.replace(/[.*+?()[\]{}|\\^$]/g, '\\$&'));
          return escaped.length > 1 ? `(${escaped.join('|')})` : escaped[0];
        }
        return values.length > 1 ? `{${values.join(',')}}` : values[0];
      }),
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
