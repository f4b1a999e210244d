import React from 'react';
import { TimeRange } from '@grafana/data';
import { t } from '@grafana/i18n';
import { Combobox, InlineField, Stack } from '@grafana/ui';

import { Lists } from '../lists/lists';
import { scopeLists } from '../queryTypes';
import { VariableList, VariableQuery } from '../variableQuery';
import { ScopeEditor, scopeLabels } from './ScopeEditor';

interface Props {
  query: VariableQuery;
  onChange: (query: VariableQuery) => void;
  lists: Lists;
  range?: TimeRange;
}

/** What a template variable lists, and within which deployments. */
export function VariableQueryEditor({ query, onChange, lists, range }: Props) {
  const id = 'vllm-variable';
  const { list = 'models', label, scope } = query;
  const change = (patch: Partial<VariableQuery>) => onChange({ refId: id, list, label, scope, ...patch });
  const labels: Record<VariableList, string> = {
    ...scopeLabels(),
    labels: t('variable.labels', 'Label names'),
    labelValues: t('variable.label-values', 'Label values'),
  };
  const offered: VariableList[] = [...scopeLists, 'labels', 'labelValues'];
  const labelOptions = async (typed: string) => {
    const found = await lists.labelNames(undefined, { range });
    return found.filter(({ value }) => value.includes(typed)).map(({ value }) => ({ value, label: value }));
  };
  return (
    <Stack gap={1} wrap="wrap">
      <InlineField label={t('variable.list', 'List')} htmlFor={`${id}-list`}>
        <Combobox
          id={`${id}-list`}
          options={offered.map((value) => ({ value, label: labels[value] }))}
          value={list}
          onChange={({ value }) => change({ list: value })}
          width={24}
        />
      </InlineField>
      {list === 'labelValues' && (
        <InlineField
          label={t('variable.label', 'Label')}
          htmlFor={`${id}-label`}
          tooltip={t('variable.label-tooltip', 'A label in Prometheus')}
        >
          <Combobox
            id={`${id}-label`}
            options={labelOptions}
            value={label ?? null}
            onChange={({ value }) => change({ label: value })}
            createCustomValue
            width={24}
          />
        </InlineField>
      )}
      {list !== 'labels' && (
        <ScopeEditor
          id={`${id}-scope`}
          lists={lists}
          scope={scope}
          range={range}
          onChange={(changed) => change({ scope: changed })}
        />
      )}
    </Stack>
  );
}
