import model from './query.generated.json';
import {
  alertingTypes,
  AnnotationsSpec,
  columns,
  CoverageSpec,
  Filter,
  forms,
  LogsSpec,
  ModelsSpec,
  opsOf,
  parts,
  PromQLSpec,
  queryTypes,
  RequestSpec,
  RequestsSpec,
  scopeLists,
  SloSpec,
  Specs,
  TraceSpec,
} from './queryTypes';

/** Every field of a type, which the compiler checks; so a test can compare them with Go's. */
type Fields<Type> = Record<keyof Required<Type>, true>;

describe('the query types agree with pkg/query', () => {
  test('in the kinds, their order, and which of them alert', () => {
    expect(model.kinds.map(({ name }) => name)).toEqual(queryTypes);
    expect(model.kinds.filter(({ alerts }) => alerts).map(({ name }) => name)).toEqual(alertingTypes);
  });

  test('in the fields of every kind', () => {
    const requests: Fields<RequestsSpec> = {
      filters: true,
      sort: true,
      limit: true,
      live: true,
      form: true,
      groupBy: true,
      metric: true,
    };
    const request: Fields<RequestSpec> = { id: true, show: true };
    const models: Fields<ModelsSpec> = { metrics: true, groupBy: true, quantiles: true, form: true };
    const slo: Fields<SloSpec> = { metrics: true, groupBy: true, target: true, form: true };
    const logs: Fields<LogsSpec> = {
      levels: true,
      process: true,
      logger: true,
      requestId: true,
      contains: true,
      regex: true,
      limit: true,
      oldest: true,
      volume: true,
      live: true,
      where: true,
      stream: true,
      around: true,
    };
    const trace: Fields<TraceSpec> = { traceId: true };
    const annotations: Fields<AnnotationsSpec> = { events: true, limit: true };
    const coverage: Fields<CoverageSpec> = { form: true, metric: true };
    const promql: Fields<PromQLSpec> = { expr: true, instant: true, legend: true, minStep: true, format: true };
    const specs: Record<keyof Specs, object> = {
      requests,
      request,
      models,
      slo,
      logs,
      trace,
      annotations,
      coverage,
      promql,
    };
    for (const kind of model.kinds) {
      expect({ [kind.name]: kind.fields }).toEqual({ [kind.name]: Object.keys(specs[kind.name as keyof Specs]) });
    }
  });

  test('in the lists of a scope', () => {
    expect(model.scope).toEqual([...scopeLists, 'where']);
  });

  test('in the parts of one request', () => {
    expect(model.parts).toEqual(parts);
  });

  test('in the forms', () => {
    expect(model.forms).toEqual(forms);
  });

  test('in the comparisons of each type of column', () => {
    expect([...new Set(model.columns.map(({ type }) => type))].sort()).toEqual(Object.keys(model.ops).sort());
    for (const { type } of columns) {
      expect(opsOf(type)).toEqual(model.ops[type]);
    }
  });

  test('in the fields of a filter', () => {
    const filter: Fields<Filter> = { column: true, op: true, value: true, values: true };
    expect(Object.keys(filter)).toEqual(model.filter);
  });
});
