import { ScopedVars } from '@grafana/data';
import { TemplateSrv } from '@grafana/runtime';

import {
  AnnotationsSpec,
  columnNamed,
  CoverageSpec,
  Filter,
  LogsSpec,
  ModelsSpec,
  PromQLSpec,
  RequestsSpec,
  Scope,
  scopeLists,
  VllmQuery,
} from './queryTypes';

/** What a variable is set to, as a format function gets it. */
type VariableValue = string | string[];

/** What the backend expands by itself, because it knows the step that it really takes. */
const expandedInGo = ['__interval', '__interval_ms'];

/** Values that mean everything when they are a variable's own "custom all value". */
const everything = ['', '*', '.*', '.+'];

/** Replaces the variables of a query. A variable with several values gives several, wherever a list or a pattern stands. */
export class Interpolation {
  private readonly scopedVars: ScopedVars;

  constructor(
    private readonly templateSrv: Pick<TemplateSrv, 'replace'>,
    scopedVars: ScopedVars
  ) {
    this.scopedVars = Object.fromEntries(Object.entries(scopedVars).filter(([name]) => !expandedInGo.includes(name)));
  }

  query(query: VllmQuery): VllmQuery {
    const { scope, requests, request, models, logs, trace, annotations, coverage, promql } = query;
    return {
      ...query,
      ...(scope && { scope: this.scope(scope) }),
      ...(requests && { requests: this.requests(requests) }),
      ...(request && { request: { ...request, id: this.text(request.id) } }),
      ...(models && { models: this.models(models) }),
      ...(logs && { logs: this.logs(logs) }),
      ...(trace && { trace: { traceId: this.text(trace.traceId) } }),
      ...(annotations && { annotations: this.annotations(annotations) }),
      ...(coverage && { coverage: this.coverage(coverage) }),
      ...(promql && { promql: this.promql(promql) }),
    };
  }

  scope(scope: Scope): Scope {
    const narrowed: Scope = {};
    for (const list of scopeLists) {
      const values = this.list(scope[list]);
      if (values.length) {
        narrowed[list] = values;
      }
    }
    return narrowed;
  }

  private requests(spec: RequestsSpec): RequestsSpec {
    return {
      ...spec,
      ...(spec.filters && { filters: spec.filters.map((filter) => this.filter(filter)) }),
      ...(spec.sort && { sort: { ...spec.sort, column: this.optional(spec.sort.column) } }),
    };
  }

  private filter(filter: Filter): Filter {
    const { op, value } = filter;
    const column = this.text(filter.column);
    if (value === undefined) {
      return { ...filter, column };
    }
    if (op === '=~' || op === '!~') {
      return { ...filter, column, value: this.pattern(value) };
    }
    const values = this.expand(value);
    if (values.length > 1 && columnNamed(column)?.type === 'text' && (op === '=' || op === '!=')) {
      return { column, op: op === '=' ? '=~' : '!~', value: values.map(escapeRegex).join('|') };
    }
    return { ...filter, column, value: values.join(',') };
  }

  private models(spec: ModelsSpec): ModelsSpec {
    return {
      ...spec,
      ...(spec.metrics && { metrics: this.list(spec.metrics) }),
      ...(spec.groupBy && { groupBy: this.list(spec.groupBy) }),
    };
  }

  private logs(spec: LogsSpec): LogsSpec {
    return {
      ...spec,
      ...(spec.levels && { levels: this.list(spec.levels) }),
      process: this.optional(spec.process),
      logger: this.optional(spec.logger),
      requestId: this.optional(spec.requestId),
      contains: this.optional(spec.contains),
      regex: spec.regex && this.pattern(spec.regex),
    };
  }

  private annotations(spec: AnnotationsSpec): AnnotationsSpec {
    return { ...spec, ...(spec.events && { events: this.list(spec.events) }) };
  }

  private coverage(spec: CoverageSpec): CoverageSpec {
    return { ...spec, metric: this.optional(spec.metric) };
  }

  private promql(spec: PromQLSpec): PromQLSpec {
    return {
      ...spec,
      expr: this.templateSrv.replace(spec.expr, this.scopedVars, promqlValue),
      legend: this.optional(spec.legend),
      minStep: this.optional(spec.minStep),
    };
  }

  private text(text: string): string {
    return this.templateSrv.replace(text, this.scopedVars);
  }

  private optional(text: string | undefined): string | undefined {
    return text && this.text(text);
  }

  private pattern(text: string): string {
    return this.templateSrv.replace(text, this.scopedVars, 'regex');
  }

  /** A list in which each text may stand for several; what means everything is left out, so that nothing narrows. */
  private list(texts: string[] | undefined): string[] {
    const values = (texts ?? []).flatMap((text) => this.expand(text)).filter((value) => !everything.includes(value));
    return [...new Set(values)];
  }

  /** Every text that one text stands for: "a-$x" gives "a-1" and "a-2" when x is 1 and 2. */
  private expand(text: string): string[] {
    const found: string[][] = [];
    const marked = this.templateSrv.replace(text, this.scopedVars, (value: VariableValue) => {
      found.push(Array.isArray(value) ? value : [value]);
      return `\0${found.length - 1}\0`;
    });
    return marked
      .split('\0')
      .map((part, i) => (i % 2 ? found[Number(part)] : [part]))
      .reduce<string[]>((heads, tails) => heads.flatMap((head) => tails.map((tail) => head + tail)), ['']);
  }
}

function escapeRegex(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

/** Within PromQL a variable stands in quotes: as plain text, or as a pattern when it can have several values. */
function promqlValue(value: VariableValue, variable?: { multi?: boolean; includeAll?: boolean }): string {
  const quoted = (text: string) => text.replace(/\\/g, '\\\\').replace(/"/g, '\\"');
  if (Array.isArray(value)) {
    const patterns = value.map((text) => quoted(escapeRegex(text)));
    return patterns.length === 1 ? patterns[0] : `(${patterns.join('|')})`;
  }
  return quoted(variable?.multi || variable?.includeAll ? escapeRegex(value) : value);
}
