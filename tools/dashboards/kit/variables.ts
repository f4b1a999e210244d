import { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  AdHocVariableBuilder,
  AnnotationQueryBuilder,
  CustomVariableBuilder,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  TextBoxVariableBuilder,
  VariableModel,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';

import { Scope, ScopeList } from '../../../src/queryTypes';
import { datasource, happened, pluginId, Question, Target } from './queries';

type Variable = Builder<VariableModel>;

/** All is a value of its own: a list of what is known now would lose the rows of which the value is unknown. */
const all = { text: ['All'], value: ['$__all'] };

const chosenSource: Variable = new DatasourceVariableBuilder('datasource')
  .label('Data source')
  .type(pluginId)
  .multi(false)
  .includeAll(false);

const place = (name: string, label: string, list: ScopeList, within?: Scope): Variable =>
  new QueryVariableBuilder(name)
    .label(label)
    .datasource(datasource)
    .query({ refId: name, list, ...(within && { scope: within }) })
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .allValue('.*')
    .current(all);

/** Data source, then model, environment and instance, each narrowed by those before it. */
export const placeVariables: Variable[] = [
  chosenSource,
  place('model', 'Model', 'models'),
  place('environment', 'Environment', 'environments', { models: ['$model'] }),
  place('instance', 'Instance', 'instances', { models: ['$model'], environments: ['$environment'] }),
];

/** The same for a page about one model. */
export const oneModel: Variable[] = [
  chosenSource,
  new QueryVariableBuilder('model')
    .label('Model')
    .datasource(datasource)
    .query({ refId: 'model', list: 'models' })
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .multi(false)
    .includeAll(false),
  ...placeVariables.slice(2),
];

/** A text to type; empty, it narrows nothing. */
export const typed = (name: string, label: string): Variable =>
  new TextBoxVariableBuilder(name).label(label).defaultValue('');

export const requestVariables: Variable[] = [chosenSource, typed('request', 'Request or trace id')];

/** A choice among words, all of them at first. */
export const choice = (name: string, label: string, values: string): Variable =>
  new CustomVariableBuilder(name).label(label).values(values).multi(true).includeAll(true).allValue('.*').current(all);

/**
 * Conditions on any column of the rows below. It is how a link narrows rows by more than the variables above hold: the
 * condition stands in the link, and what a store said of the model stands in the model's own variable.
 */
export const conditions: Variable = new AdHocVariableBuilder('filters').label('Filters').datasource(datasource);

const events = (name: string, colour: string, question: Question): AnnotationQueryBuilder =>
  new AnnotationQueryBuilder()
    .name(name)
    .datasource(datasource)
    .enable(true)
    .iconColor(colour)
    .target(new Target(question, 'Anno'));

/** What happened to engines, on every graph: what failed in red, what somebody changed in blue. */
export const engineEvents: AnnotationQueryBuilder[] = [
  events(
    'Failures',
    'red',
    happened({
      events: ['engine_death', 'engine_stuck', 'out_of_memory', 'start_failure', 'restart', 'preemption_storm'],
    })
  ),
  events(
    'Changes',
    'blue',
    happened({
      events: ['start', 'ready', 'shutdown', 'pause', 'resume', 'sleep', 'wake', 'lora_load', 'lora_unload'],
    })
  ),
];
