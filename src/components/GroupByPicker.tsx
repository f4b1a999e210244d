import React from 'react';
import { t } from '@grafana/i18n';
import { MultiCombobox } from '@grafana/ui';

import { dimensions } from '../queryTypes';

interface Props {
  id: string;
  groupBy: string[] | undefined;
  onChange: (groupBy: string[] | undefined) => void;
}

/** Of what figures are: of each model, of each engine of an environment, … None chosen is the default, each model. */
export function GroupByPicker({ id, groupBy = [], onChange }: Props) {
  return (
    <MultiCombobox
      id={id}
      options={dimensions.map((value) => ({ value, label: value }))}
      value={groupBy}
      onChange={(chosen) => onChange(chosen.length ? chosen.map(({ value }) => value) : undefined)}
      isClearable
      placeholder={t('group-by.model', 'model')}
      width="auto"
      minWidth={16}
      maxWidth={48}
    />
  );
}
