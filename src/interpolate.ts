import { ScopedVars } from '@grafana/data';
import { t } from '@grafana/i18n';
import { TemplateSrv } from '@grafana/runtime';

import schema from './query.generated.json';

import {
  AnnotationsSpec,
  columnNamed,
  Condition,
  CoverageSpec,
  Filter,
  LogsSpec,
  ModelsSpec,
  PromQLSpec,
  RequestsSpec,
  Scope,
  scopeLists,
  SloSpec,
  VllmQuery,
} from './queryTypes';

/** What a variable is set to, as a format function gets it. */
type VariableValue = string | string[];

/** What a format function gets to know of the variable itself. */
interface VariableInfo {
  name?: string;
  multi?: boolean;
  includeAll?: boolean;
}

/** What the backend expands by itself, because it knows the step that it really takes. */
const expandedInGo = ['__interval', '__interval_ms'];

/** Values that mean everything when they are a variable's own "custom all value". */
const everything = ['', '*', '.*', '.+'];

/** What Grafana keeps as the value, and as the text, of a variable that is set to All. */
const all = { value: '$__all', text: 'All' };

/** The parts of a text: plain text and, between it, the values of each variable. */
interface Parts {
  plain: string[];
  values: string[][];
  /** It is one variable and nothing else, and that variable is set to All. */
  isAll: boolean;
}

/**
 * Replaces the variables of a query. A variable with several values gives several, wherever a list or a pattern stands.
 * One that is set to All narrows nothing: Grafana would list the values it knows, and what names none of them would go.
 */
export class Interpolation {
  private readonly scopedVars: ScopedVars;

  constructor(
    private readonly templateSrv: Pick<TemplateSrv, 'replace'>,
    scopedVars: ScopedVars
  ) {
    this.scopedVars = Object.fromEntries(Object.entries(scopedVars).filter(([name]) => !expandedInGo.includes(name)));
  }

  query(query: VllmQuery): VllmQuery {
    const { scope, requests, request, models, slo, logs, trace, annotations, coverage, promql } = query;
    return {
      ...query,
      ...(scope && { scope: this.scope(scope) }),
      ...(requests && { requests: this.requests(requests) }),
      ...(request && { request: { ...request, id: this.text(request.id) } }),
      ...(models && { models: this.figures(models) }),
      ...(slo && { slo: this.figures(slo) }),
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
    const where = this.conditions(scope.where);
    return where.length ? { ...narrowed, where } : narrowed;
  }

  private conditions(conditions: Condition[] = []): Condition[] {
    return conditions
      .filter(({ op, values }) => op.startsWith('!') || !values.some((value) => this.parts(value).isAll))
      .map(({ key, op, values }) => ({
        key: this.text(key),
        op,
        values: op.endsWith('~')
          ? values.map((value) => this.pattern(value))
          : values.flatMap((value) => this.expand(value)),
      }));
  }

  private requests(spec: RequestsSpec): RequestsSpec {
    return {
      ...spec,
      ...(spec.filters && { filters: spec.filters.filter(this.narrows).map((filter) => this.filter(filter)) }),
      ...(spec.groupBy && { groupBy: this.dimensions(spec.groupBy) }),
      ...(spec.sort && { sort: { ...spec.sort, column: this.optional(spec.sort.column) } }),
    };
  }

  /** Equal to All holds always; different from All never does, and stays. */
  private narrows = ({ op, value }: Filter): boolean =>
    !((op === '=' || op === '=~') && value !== undefined && this.parts(value).isAll);

  private filter(filter: Filter): Filter {
    const { op, value } = filter;
    const column = this.text(filter.column);
    if (filter.values) {
      return { ...filter, column, values: filter.values.flatMap((one) => this.expand(one)) };
    }
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

  private figures<Spec extends ModelsSpec | SloSpec>(spec: Spec): Spec {
    return {
      ...spec,
      ...(spec.metrics && { metrics: this.list(spec.metrics) }),
      ...(spec.groupBy && { groupBy: this.dimensions(spec.groupBy) }),
    };
  }

  private logs(spec: LogsSpec): LogsSpec {
    return {
      ...spec,
      ...(spec.levels && { levels: this.list(spec.levels) }),
      process: this.narrowing(spec.process),
      logger: this.narrowing(spec.logger),
      requestId: this.narrowing(spec.requestId),
      contains: this.narrowing(spec.contains),
      ...(spec.where && { where: this.conditions(spec.where) }),
      regex: spec.regex && (this.parts(spec.regex).isAll ? undefined : this.pattern(spec.regex)),
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
      expr: this.templateSrv.replace(spec.expr, this.scopedVars, (value: VariableValue, variable?: VariableInfo) =>
        this.isAll(variable?.name) ? '.*' : promqlValue(value, variable)
      ),
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

  private narrowing(text: string | undefined): string | undefined {
    return text && (this.parts(text).isAll ? undefined : this.text(text));
  }

  /** A list in which each text may stand for several; when one means everything the list is empty, so that nothing narrows. */
  private list(texts: string[] = []): string[] {
    const parts = texts.map((text) => this.parts(text));
    if (parts.some(({ isAll }) => isAll)) {
      return [];
    }
    const values = parts.flatMap(combinations).filter((value) => !everything.includes(value));
    return [...new Set(values)];
  }

  /** By all dimensions is not by none. */
  private dimensions(texts: string[]): string[] {
    return [...new Set(texts.flatMap((text) => this.expand(text)))];
  }

  /** Every text that one text stands for: "a-$x" gives "a-1" and "a-2" when x is 1 and 2. */
  private expand(text: string): string[] {
    return combinations(this.parts(text));
  }

  private parts(text: string): Parts {
    if (text.includes('\0')) {
      return { plain: [text], values: [], isAll: false }; // no text: the backend says so
    }
    const found: Array<{ values: string[]; name?: string }> = [];
    const marked = this.templateSrv.replace(text, this.scopedVars, (value: VariableValue, variable?: VariableInfo) => {
      found.push({ values: Array.isArray(value) ? value : [value], name: variable?.name });
      return `\0${found.length - 1}\0`;
    });
    const pieces = marked.split('\0');
    const marks = pieces.filter((_, i) => i % 2);
    if (marks.length !== found.length || marks.some((mark, i) => mark !== String(i))) {
      return { plain: [marked], values: [], isAll: false }; // a value that was written out as it is holds NUL itself
    }
    return {
      plain: pieces.filter((_, i) => i % 2 === 0),
      values: found.map(({ values }) => values),
      isAll: found.length === 1 && marked === '\x000\0' && this.isAll(found[0].name),
    };
  }

  /**
   * A function format gets the values that All stands for, and does not say so. The format for links does, in the same
   * scope: a repeated panel has one value where the dashboard has All. A variable kept out of links tells by its text.
   */
  private isAll(name: string | undefined): boolean {
    if (!name) {
      return false;
    }
    const link = this.templateSrv.replace(`\${${name}:queryparam}`, this.scopedVars);
    return link
      ? decodeURIComponent(link) === `var-${name}=${all.value}`
      : this.templateSrv.replace(`\${${name}:text}`, this.scopedVars) === all.text;
  }
}

/**
 * As many texts as one text may stand for: the backend takes no more values in one list. "$x-$y-$z" of three variables with a
 * thousand values each would be a billion.
 */
export const maxCombinations = schema.limits.scopeValues;

function combinations({ plain, values }: Parts): string[] {
  const texts = values.reduce((product, { length }) => product * length, 1);
  if (texts > maxCombinations && values.length > 1) {
    throw new Error(
      t(
        'interpolate.too-many',
        'A text with {{variables}} variables stands for {{texts}} texts, which are more than {{max}}: choose fewer values, or use fewer variables in one text',
        { variables: values.length, texts, max: maxCombinations }
      )
    );
  }
  return values.reduce<string[]>(
    (heads, tails, i) => heads.flatMap((head) => tails.map((tail) => head + tail + plain[i + 1])),
    [plain[0]]
  );
}

function escapeRegex(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

/**
 * Within PromQL a variable stands in quotes of any kind: as plain text, or as a pattern when it can have several values. What could
 * end the quotes, or may not stand in them, is written by its number: \' is no escape between double quotes, nor \" between
 * single ones.
 */
function promqlValue(value: VariableValue, variable?: VariableInfo): string {
  const quoted = (text: string) =>
    text
      .replace(/\\/g, '\\\\')
      .replace(/["'`\u0000-\u001f\u007f]/g, (sign) => '\\x' + sign.charCodeAt(0).toString(16).padStart(2, '0'));
  if (Array.isArray(value)) {
    const patterns = value.map((text) => quoted(escapeRegex(text)));
    return patterns.length === 1 ? patterns[0] : `(${patterns.join('|')})`;
  }
  return quoted(variable?.multi || variable?.includeAll ? escapeRegex(value) : value);
}
