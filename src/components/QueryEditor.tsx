import React from 'react';
import { CoreApp, DataSourceApi, QueryEditorProps } from '@grafana/data';
import { t } from '@grafana/i18n';
import { Alert, Button, Combobox, InlineField, Stack } from '@grafana/ui';

import { defaultSpec, isAlerting } from '../defaults';
import { Lists } from '../lists/lists';
import { migrateQuery } from '../migrations';
import { alertingTypes, QueryType, queryTypes, scopedTypes, Specs, VllmQuery } from '../queryTypes';
import { VllmDataSourceOptions } from '../types';
import { KindEditorProps } from './kindEditor';
import { kindWords } from './kinds';
import { lazily } from './lazily';
import { LogsEditor } from './LogsEditor';
import { ModelsEditor } from './ModelsEditor';
import { PromQLEditor } from './PromQLEditor';
import { RequestsEditor } from './RequestsEditor';
import { ScopeEditor } from './ScopeEditor';

/** The rarer editors are one chunk, which is loaded with the first query of such a kind. */
const rarer = () => import(/* webpackChunkName: "editors" */ './rarerEditors');
const AnnotationsEditor = lazily(async () => (await rarer()).AnnotationsEditor);
const AttainmentEditor = lazily(async () => (await rarer()).AttainmentEditor);
const CoverageEditor = lazily(async () => (await rarer()).CoverageEditor);
const RequestEditor = lazily(async () => (await rarer()).RequestEditor);
const TraceEditor = lazily(async () => (await rarer()).TraceEditor);

/** What editors need of the data source. */
export type EditorSource = DataSourceApi<VllmQuery, VllmDataSourceOptions> & { lists: Lists };

export type Props = QueryEditorProps<EditorSource, VllmQuery, VllmDataSourceOptions>;

/** The kind first, then only what the kind needs. */
export function QueryEditor({ query: saved, onChange, onRunQuery, datasource, range, app }: Props) {
  const query = migrateQuery(saved);
  const { queryType = 'requests', scope } = query;
  const alerting = isAlerting(app);
  const id = `vllm-query-${query.refId}`;
  const kinds = kindOptions(alerting);

  const change = (patch: Partial<VllmQuery>) => {
    onChange({ ...query, ...patch });
    onRunQuery();
  };
  const changeKind = (type: QueryType) => change({ queryType: type, [type]: query[type] ?? defaultSpec(type, app) });

  return (
    <Stack direction="column" gap={1}>
      <Stack gap={1} wrap="wrap">
        <InlineField
          label={t('query.kind', 'Show')}
          htmlFor={`${id}-kind`}
          tooltip={
            alerting
              ? t(
                  'query.kind-alerting',
                  'An alert rule compares numbers. Logs and traces are rows, so they are not offered here; of requests, the share that pass the filters is compared.'
                )
              : undefined
          }
        >
          <Combobox
            id={`${id}-kind`}
            options={kinds}
            value={queryType}
            onChange={({ value }) => changeKind(value)}
            width={24}
          />
        </InlineField>
        {scopedTypes.includes(queryType) && (
          <ScopeEditor
            id={`${id}-scope`}
            lists={datasource.lists}
            scope={scope}
            range={range}
            onChange={(changed) => change({ scope: changed })}
          />
        )}
      </Stack>
      {alerting && !alertingTypes.includes(queryType) ? (
        <Alert
          severity="warning"
          title={t('query.not-alerting', 'An alert rule compares numbers, and this query gives rows')}
        >
          <Stack direction="column" gap={1} alignItems="flex-start">
            {t(
              'query.not-alerting-way-out',
              'Requests, models, SLO, coverage and PromQL give numbers with stable labels. What you asked for here stays saved.'
            )}
            <Button variant="secondary" onClick={() => changeKind('models')}>
              {t('query.use-models', 'Use models')}
            </Button>
          </Stack>
        </Alert>
      ) : (
        <KindEditor
          type={queryType}
          query={query}
          app={app}
          common={{ id: `${id}-${queryType}`, lists: datasource.lists, range, scope, alerting, onRun: onRunQuery }}
          onChange={(type, spec) => change({ queryType: type, [type]: spec })}
        />
      )}
    </Stack>
  );
}

interface KindEditorChoice {
  type: QueryType;
  query: VllmQuery;
  app: CoreApp | undefined;
  common: Omit<KindEditorProps<unknown>, 'spec' | 'onChange'>;
  onChange: <Type extends QueryType>(type: Type, spec: Specs[Type]) => void;
}

function KindEditor({ type, query, app, common, onChange }: KindEditorChoice) {
  const part = <Type extends QueryType>(of: Type) => ({
    ...common,
    spec: query[of] ?? defaultSpec(of, app),
    onChange: (spec: Specs[Type]) => onChange(of, spec),
  });
  switch (type) {
    case 'requests':
      return <RequestsEditor {...part('requests')} />;
    case 'request':
      return <RequestEditor {...part('request')} />;
    case 'models':
      return <ModelsEditor {...part('models')} />;
    case 'slo':
      return <AttainmentEditor {...part('slo')} />;
    case 'logs':
      return <LogsEditor {...part('logs')} />;
    case 'trace':
      return <TraceEditor {...part('trace')} />;
    case 'coverage':
      return <CoverageEditor {...part('coverage')} />;
    case 'annotations':
      return <AnnotationsEditor {...part('annotations')} />;
    case 'promql':
      return <PromQLEditor {...part('promql')} />;
  }
}

function kindOptions(alerting: boolean) {
  const words = kindWords();
  return (alerting ? alertingTypes : queryTypes).map((value) => ({ value, ...words[value] }));
}
