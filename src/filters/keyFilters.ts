import {
  columnNamed,
  Condition,
  ConditionOp,
  Filter,
  logLevels,
  Op,
  opsOf,
  Scope,
  scopeLists,
  ScopeList,
  scopedTypes,
  VllmQuery,
} from '../queryTypes';
import { places } from '../types';

/** A filter as a click or a dashboard gives it: what must hold for one key. */
export interface KeyFilter {
  key: string;
  op: Op;
  values: string[];
}

/** Where a query keeps the filters on one key. Absent = the query cannot be filtered by that key. */
interface Shelf {
  filters: (query: VllmQuery) => KeyFilter[];
  /** Undefined when these filters cannot be said there. */
  with: (query: VllmQuery, filters: KeyFilter[]) => VllmQuery | undefined;
}

/** Adds a filter, all others kept; undefined when the query cannot be filtered so. */
export function addFilter(query: VllmQuery, filter: KeyFilter): VllmQuery | undefined {
  const shelf = shelfOf(query, filter.key);
  return shelf?.with(query, [...shelf.filters(query), filter]);
}

/** Takes a filter away when it is there; else sets it, instead of those that it contradicts. */
export function toggleFilter(query: VllmQuery, key: string, op: '=' | '!=', value: string): VllmQuery | undefined {
  const shelf = shelfOf(query, key);
  if (!shelf) {
    return undefined;
  }
  const there = shelf.filters(query);
  const found = hasFilter(query, key, op, value);
  const kept = there.flatMap((filter) => {
    const contradicts = op === '=' ? filter.op === '=' : filter.op === '=' && filter.values.includes(value);
    if ((!found && contradicts) || ((filter.op === '=' || filter.op === '!=') && filter.values.includes(value))) {
      const values = found || op === '!=' || filter.op === '!=' ? filter.values.filter((other) => other !== value) : [];
      return values.length ? [{ ...filter, values }] : [];
    }
    return [filter];
  });
  return shelf.with(query, found ? kept : [...kept, { key, op, values: [value] }]);
}

export function hasFilter(query: VllmQuery, key: string, op: '=' | '!=', value: string): boolean {
  const there = shelfOf(query, key)?.filters(query) ?? [];
  return there.some((filter) => filter.op === op && filter.values.includes(value));
}

function shelfOf(query: VllmQuery, key: string): Shelf | undefined {
  const kind = query.queryType ?? 'requests';
  const list = listOf(key);
  if (list) {
    return scopedTypes.includes(kind) ? inScope(key, list) : undefined;
  }
  if (kind === 'requests') {
    return columnNamed(key) && inColumns(key);
  }
  if (kind !== 'logs') {
    return undefined;
  }
  if (levelKeys.includes(key)) {
    return inLevels(key);
  }
  if (key === 'request_id') {
    return inRequest;
  }
  return /^[a-zA-Z_]\w*$/.test(key) ? inLabels(key) : undefined;
}

/** The list of a scope that holds a place. */
export function listOf(key: string): ScopeList | undefined {
  const index = places.findIndex((place) => place === key);
  const lists: ScopeList[] = [
    'models',
    'environments',
    'clusters',
    'namespaces',
    'pods',
    'instances',
    'engines',
    'services',
  ];
  return index < 0 ? undefined : lists[index];
}

/** Places: the first plain choice in its own list, where the editor shows it best; the rest as conditions. */
function inScope(key: string, list: ScopeList): Shelf {
  return {
    filters: ({ scope = {} }) => [
      ...(scope[list]?.length ? [{ key, op: '=' as const, values: scope[list] }] : []),
      ...(scope.where ?? []).filter((condition) => condition.key === key),
    ],
    with: (query, filters) => {
      const conditions = filters.map(asCondition);
      if (!conditions.every(isCondition)) {
        return undefined;
      }
      const chosen = conditions.find(({ op }) => op === '=');
      const others = (query.scope?.where ?? []).filter((condition) => condition.key !== key);
      const where = [...others, ...conditions.filter((condition) => condition !== chosen)];
      return { ...query, scope: tidy({ ...query.scope, [list]: chosen?.values, where }) };
    },
  };
}

function inColumns(key: string): Shelf {
  return {
    filters: ({ requests }) =>
      (requests?.filters ?? [])
        .filter(({ column }) => column === key)
        .map(({ op, value, values }) => ({ key, op, values: values ?? (value === undefined ? [] : [value]) })),
    with: (query, filters) => {
      const ops = opsOf(columnNamed(key)?.type ?? 'text');
      const written = filters.map(asColumnFilter);
      if (!written.every(({ op }) => ops.includes(op))) {
        return undefined;
      }
      const others = (query.requests?.filters ?? []).filter(({ column }) => column !== key);
      return { ...query, requests: { ...query.requests, filters: [...others, ...written] } };
    },
  };
}

function asColumnFilter({ key, op, values }: KeyFilter): Filter {
  const [value, ...more] = values;
  if (value === '' && !more.length && (op === '=' || op === '!=')) {
    return { column: key, op: op === '=' ? 'null' : 'not null' }; // an empty cell is one that is not known
  }
  return more.length ? { column: key, op, values } : { column: key, op, ...(value !== undefined && { value }) };
}

/** What Grafana, Loki and this plugin call the level of a line. */
const levelKeys = ['level', 'severity', 'detected_level'];

/** Levels are a choice from a few: what is left out is said by what is left. */
function inLevels(key: string): Shelf {
  return {
    filters: ({ logs }) => (logs?.levels?.length ? [{ key, op: '=', values: logs.levels }] : []),
    with: (query, filters) => {
      if (!filters.every(({ op }) => op === '=' || op === '!=')) {
        return undefined;
      }
      const levels = filters.reduce<string[]>(
        (left, { op, values }) => left.filter((level) => values.includes(level) === (op === '=')),
        [...logLevels]
      );
      // No level at all cannot be asked for: an empty list means every one.
      const all = levels.length === logLevels.length;
      return levels.length ? { ...query, logs: { ...query.logs, levels: all ? undefined : levels } } : undefined;
    },
  };
}

/** Lines are found by one request's id; which lines are of none but one, no store can tell. */
const inRequest: Shelf = {
  filters: ({ logs }) => (logs?.requestId ? [{ key: 'request_id', op: '=', values: [logs.requestId] }] : []),
  with: (query, filters) => {
    const ids = [...new Set(filters.flatMap(({ values }) => values))];
    return ids.length > 1 || filters.some(({ op }) => op !== '=')
      ? undefined
      : { ...query, logs: { ...query.logs, requestId: ids[0] } };
  },
};

function inLabels(key: string): Shelf {
  const ofLine = key === 'process' || key === 'logger';
  return {
    filters: ({ logs }) => [
      ...(ofLine && logs?.[key] ? [{ key, op: '=' as const, values: [logs[key]] }] : []),
      ...(logs?.where ?? []).filter((condition) => condition.key === key),
    ],
    with: (query, filters) => {
      const conditions = filters.map(asCondition);
      if (!conditions.every(isCondition) || (ofLine && conditions.some(({ op }) => op === '=~' || op === '!~'))) {
        return undefined;
      }
      const single = ofLine ? conditions.find(({ op, values }) => op === '=' && values.length === 1) : undefined;
      const others = (query.logs?.where ?? []).filter((condition) => condition.key !== key);
      const where = [...others, ...conditions.filter((condition) => condition !== single)];
      return {
        ...query,
        logs: { ...query.logs, ...(ofLine && { [key]: single?.values[0] }), where: where.length ? where : undefined },
      };
    },
  };
}

/** A comparison of names; undefined when it is one of numbers. */
function asCondition({ key, op, values }: KeyFilter): Condition | undefined {
  const ops: Partial<Record<Op, ConditionOp>> = { '=': '=', '!=': '!=', '=~': '=~', '!~': '!~' };
  const compares = ops[op];
  return compares && values.length && values.every(Boolean) ? { key, op: compares, values } : undefined;
}

function isCondition(condition: Condition | undefined): condition is Condition {
  return condition !== undefined;
}

/** Leaves out what narrows nothing, so that equal questions are equal queries. */
function tidy(scope: Scope): Scope {
  const tidied: Scope = {};
  for (const list of scopeLists) {
    if (scope[list]?.length) {
      tidied[list] = scope[list];
    }
  }
  return scope.where?.length ? { ...tidied, where: scope.where } : tidied;
}
