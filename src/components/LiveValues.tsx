import React from 'react';
import { TimeRange } from '@grafana/data';
import { t } from '@grafana/i18n';
import { FieldValidationMessage } from '@grafana/ui';

import { Lists } from '../lists/lists';
import { Scope, ScopeList } from '../queryTypes';
import { TypedValues } from './TypedValues';
import { useLiveOptions } from './useLiveOptions';
import { variableOptions } from './variableOptions';

interface Props {
  id: string;
  lists: Lists;
  list: ScopeList;
  scope: Scope;
  range?: TimeRange;
  onChange: (values: string[]) => void;
  'aria-labelledby'?: string;
}

/** Chooses among what the stores really have, the dashboard's variables, and whatever the user types. */
export function LiveValues({ id, lists, list, scope, range, onChange, ...named }: Props) {
  const { options, problem } = useLiveOptions(async (signal) => {
    const others: Scope = { ...scope, [list]: undefined };
    const live = await lists.values(list, { range, scope: others, signal });
    return [...variableOptions(), ...live.map(({ value }) => ({ value, label: value }))];
  });
  return (
    <div>
      <TypedValues
        {...named}
        id={id}
        options={options}
        values={scope[list] ?? []}
        onChange={onChange}
        placeholder={t('scope.all', 'all')}
        minWidth={16}
      />
      {problem && <FieldValidationMessage>{problem}</FieldValidationMessage>}
    </div>
  );
}
