import { Completion, CompletionContext, CompletionResult } from '@codemirror/autocomplete';
import { CompleteStrategy, newCompleteStrategy, PrometheusClient } from '@prometheus-io/codemirror-promql';
import { EqlRegex, EqlSingle, Neq, NeqRegex } from '@prometheus-io/lezer-promql';
import { t } from '@grafana/i18n';

import { Ask, Lists, Metric } from '../../lists/lists';
import { metricPrefix } from '../../queryTypes';

/** What completion works with: where names come from, for when, and whom to tell when that fails. */
export interface CompletionSource {
  lists: Lists;
  ask: () => Ask;
  variables: () => string[];
  onProblem: (error: unknown) => void;
}

/** A condition of a selector, as codemirror-promql hands it on. */
interface Matcher {
  type: number;
  name: string;
  value: string;
}

const operators: Record<number, string> = { [EqlSingle]: '=', [Neq]: '!=', [EqlRegex]: '=~', [NeqRegex]: '!~' };

/** How far vLLM's own metrics are put before names that match as well; CodeMirror takes -99 to 99. */
const ownFirst = 50;

/** Completes PromQL: Prometheus' editor knows what belongs where, the backend knows the names, Grafana the variables. */
export class LiveCompletion implements CompleteStrategy {
  private readonly prometheus: CompleteStrategy;
  private own = new Set<string>();

  constructor(private readonly source: CompletionSource) {
    this.prometheus = newCompleteStrategy({ remote: this.client() });
  }

  async promQL(context: CompletionContext): Promise<CompletionResult | null> {
    const variable = context.matchBefore(/\$\{?\w*/);
    if (variable) {
      return { from: variable.from, options: this.variableOptions(), validFor: /^\$\{?\w*$/ };
    }
    const found = await this.prometheus.promQL(context);
    return found && { ...found, options: found.options.map((option) => this.ranked(option)) };
  }

  private ranked(option: Completion): Completion {
    return this.own.has(option.label) ? { ...option, boost: ownFirst } : option;
  }

  private variableOptions(): Completion[] {
    const grafanas = [
      ['$__rate_interval', t('promql.rate-interval', 'At least four scrapes: what rate() needs')],
      ['$__interval', t('promql.interval', 'The step between two points')],
      ['$__range', t('promql.range-variable', 'The whole range that is shown')],
      [metricPrefix, t('promql.prefix-variable', 'The metric prefix of the data source, such as vllm:')],
    ];
    const builtIn = grafanas.map(([label, info]) => ({ label, info }));
    const own = this.source.variables().map((name) => ({ label: `$${name}` }));
    return [...builtIn, ...own].map((option) => ({ ...option, type: 'variable' }));
  }

  private client(): PrometheusClient {
    const { lists, ask } = this.source;
    return {
      metricNames: async () => {
        const metrics = await this.metrics();
        this.own = new Set(metrics.filter(({ vllm }) => vllm).map(({ name }) => name));
        return metrics.map(({ name }) => name);
      },
      metricMetadata: async () => {
        const described = (await this.metrics()).filter(({ type, help }) => type || help);
        return Object.fromEntries(described.map(({ name, type = '', help = '' }) => [name, [{ type, help }]]));
      },
      labelNames: (metric) => this.names(lists.labelNames(plain(metric), ask())),
      labelValues: (label, metric, matchers: Matcher[] = []) => {
        const match = matchers
          .filter(({ name, value }) => name !== label && name !== '__name__' && value && !/\$|\[\[/.test(value))
          .flatMap(({ type, name, value }) => (operators[type] ? [name + operators[type] + value] : []));
        return this.names(lists.labelValues(label, { metric: plain(metric), match }, ask()));
      },
      series: async () => [],
      flags: async () => ({}),
    };
  }

  private metrics(): Promise<Metric[]> {
    return this.quietly(this.source.lists.metrics(this.source.ask()));
  }

  private async names(options: Promise<Array<{ value: string }>>): Promise<string[]> {
    return (await this.quietly(options)).map(({ value }) => value);
  }

  /** Completion that fails must say so, and must not stop what needs no store: functions and keywords. */
  private quietly<Item>(answer: Promise<Item[]>): Promise<Item[]> {
    return answer.catch((error: unknown) => {
      this.source.onProblem(error);
      return [];
    });
  }
}

/** A metric that a variable names cannot be asked for here. */
function plain(metric: string | undefined): string | undefined {
  return metric && /^[a-zA-Z_:][\w:]*$/.test(metric) ? metric : undefined;
}
