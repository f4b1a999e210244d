import { parser } from '@prometheus-io/lezer-promql';

import { VllmDataSourceOptions, defaultLabels, places } from '../types';
import { copyLabels, metricPrefix } from '../queryTypes';
import { KeyFilter } from './keyFilters';

/**
 * Adds label matchers to every vector selector of an expression, found by Prometheus' own grammar. Undefined when the
 * expression or the filter cannot be said in PromQL.
 */
export function addMatchers(expr: string, filters: KeyFilter[], options: VllmDataSourceOptions): string | undefined {
  const matchers = filters.map((filter) => matcher(filter, options));
  if (!matchers.length) {
    return expr;
  }
  if (!matchers.every((one) => one !== undefined)) {
    return undefined;
  }
  const text = matchers.join(',');
  const inserts: Array<{ at: number; text: string }> = [];
  let readable = true;
  parser.parse(blankOut(expr)).iterate({
    enter: ({ type, node }) => {
      readable = readable && !type.isError;
      if (type.name !== 'VectorSelector') {
        return;
      }
      const braces = node.getChild('LabelMatchers');
      if (!braces) {
        inserts.push({ at: node.to, text: `{${text}}` });
        return;
      }
      const inner = expr.slice(braces.from + 1, braces.to - 1).trim();
      inserts.push({ at: braces.to - 1, text: inner && !inner.endsWith(',') ? `,${text}` : text });
    },
  });
  if (!readable) {
    return undefined;
  }
  return inserts.reduceRight((whole, { at, text: added }) => whole.slice(0, at) + added + whole.slice(at), expr);
}

/**
 * Puts numbers and durations of the same length in the place of what the backend fills in, such as $__rate_interval, and the
 * beginning of a name in the place of the metric prefix, a name in that of the labels of copies.
 */
function blankOut(expr: string): string {
  return expr.replace(/\$(?:__\w+|\{__\w+\})/g, (macro) => {
    if (macro === metricPrefix || macro === copyLabels) {
      return 'v'.repeat(macro.length);
    }
    const isNumber = /_(?:ms|s)\}?$/.test(macro);
    return isNumber ? '1'.repeat(macro.length) : '1'.repeat(macro.length - 1) + 's';
  });
}

function matcher({ key, op, values }: KeyFilter, { prometheus }: VllmDataSourceOptions): string | undefined {
  const place = places.find((name) => name === key);
  const label = place ? { ...defaultLabels.prometheus, ...prometheus?.labels }[place] : key;
  if (!label || !values.length) {
    return undefined;
  }
  const name = /^[a-zA-Z_]\w*$/.test(label) ? label : quote(label);
  switch (op) {
    case '=':
    case '!=':
      return values.length === 1
        ? `${name}${op}${quote(values[0])}`
        : `${name}${op === '=' ? '=~' : '!~'}${quote(values.map(escapeRegex).join('|'))}`;
    case '=~':
    case '!~':
      return `${name}${op}${quote(values.length === 1 ? values[0] : values.map((value) => `(?:${value})`).join('|'))}`;
    default:
      return undefined;
  }
}

/** A PromQL string: nothing in the text ends it. */
function quote(text: string): string {
  return `"${text.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n').replace(/\r/g, '\\r')}"`;
}

function escapeRegex(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
