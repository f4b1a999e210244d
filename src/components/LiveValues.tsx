import React from 'react';
import { TimeRange } from '@grafana/data';
import { t } from '@grafana/i18n';
import { getTemplateSrv } from '@grafana/runtime';
import { ComboboxOption, MultiCombobox } from '@grafana/ui';

import type { VllmDataSource } from '../datasource';
import { Scope, ScopeList } from '../queryTypes';

interface Props {
  id: string;
  datasource: VllmDataSource;
  list: ScopeList;
  scope: Scope;
  range?: TimeRange;
  onChange: (values: string[]) => void;
}

/** Chooses among what the stores really have, the dashboard's variables, and whatever the user types. */
export function LiveValues({ id, datasource, list, scope, range, onChange }: Props) {
  const options = async (typed: string): Promise<ComboboxOption[]> => {
    const others: Scope = { ...scope, [list]: undefined };
    const live = await datasource.values(list, range, others);
    return [...variables(), ...live.map(({ value }) => ({ value, label: value }))].filter(({ value }) =>
      value.toLowerCase().includes(typed.toLowerCase())
    );
  };
  return (
    <MultiCombobox
      id={id}
      options={options}
      value={(scope[list] ?? []).map((value) => ({ value, label: value }))}
      onChange={(chosen) => onChange(chosen.map(({ value }) => value))}
      createCustomValue
      isClearable
      placeholder={t('scope.all', 'all')}
      width="auto"
      minWidth={16}
      maxWidth={48}
    />
  );
}

function variables(): ComboboxOption[] {
  return getTemplateSrv()
    .getVariables()
    .map(({ name }) => ({ value: `$${name}`, label: `$${name}`, description: t('scope.variable', 'variable') }));
}
