import React, { useState } from 'react';
import { TimeRange } from '@grafana/data';
import { t } from '@grafana/i18n';
import { Combobox, InlineField, Stack } from '@grafana/ui';

import { Lists } from '../lists/lists';
import { Scope, ScopeList, scopeLists } from '../queryTypes';
import { Conditions } from './Conditions';
import { LiveValues } from './LiveValues';
import { NamedField } from './NamedField';

interface Props {
  id: string;
  lists: Lists;
  scope: Scope | undefined;
  range?: TimeRange;
  onChange: (scope: Scope) => void;
}

/** Narrows a query to some deployments. Only what is used takes room: the rest is one menu away. */
export function ScopeEditor({ id, lists, scope = {}, range, onChange }: Props) {
  const [opened, setOpened] = useState<ScopeList[]>(['models']);
  const labels = scopeLabels();
  const shown = scopeLists.filter((list) => opened.includes(list) || scope[list]?.length);
  const hidden = scopeLists.filter((list) => !shown.includes(list));
  return (
    <Stack gap={1} wrap="wrap">
      {shown.map((list) => (
        <NamedField key={list} label={labels[list]} htmlFor={`${id}-${list}`} labelWidth="auto">
          <LiveValues
            id={`${id}-${list}`}
            lists={lists}
            list={list}
            scope={scope}
            range={range}
            onChange={(values) => onChange({ ...scope, [list]: values.length ? values : undefined })}
          />
        </NamedField>
      ))}
      {hidden.length > 0 && (
        <InlineField
          label={t('scope.more', 'Narrow by')}
          htmlFor={`${id}-more`}
          tooltip={t('scope.more-tooltip', 'Leave out deployments that you do not ask about')}
        >
          <Combobox
            id={`${id}-more`}
            options={hidden.map((value) => ({ value, label: labels[value] }))}
            value={null}
            onChange={({ value }) => setOpened([...opened, value])}
            placeholder={t('scope.choose', 'choose')}
            width={16}
          />
        </InlineField>
      )}
      <Conditions
        label={t('scope.where', 'Only where')}
        conditions={scope.where}
        onChange={(where) => onChange({ ...scope, where })}
      />
    </Stack>
  );
}

export function scopeLabels(): Record<ScopeList, string> {
  return {
    models: t('scope.models', 'Models'),
    environments: t('scope.environments', 'Environments'),
    clusters: t('scope.clusters', 'Clusters'),
    namespaces: t('scope.namespaces', 'Namespaces'),
    pods: t('scope.pods', 'Pods'),
    instances: t('scope.instances', 'Instances'),
    engines: t('scope.engines', 'Engines'),
    services: t('scope.services', 'Services'),
  };
}
