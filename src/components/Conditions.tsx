import React from 'react';
import { t } from '@grafana/i18n';
import { Button, InlineField, Stack } from '@grafana/ui';

import { Condition } from '../queryTypes';

interface Props {
  label: string;
  conditions: Condition[] | undefined;
  onChange: (conditions: Condition[] | undefined) => void;
}

/** What a query is narrowed by beside its lists, mostly by clicks in answers; each can be taken away. */
export function Conditions({ label, conditions = [], onChange }: Props) {
  if (!conditions.length) {
    return null;
  }
  return (
    <InlineField label={label}>
      <Stack gap={0.5} wrap="wrap">
        {conditions.map((condition, index) => {
          const text = conditionText(condition);
          const rest = conditions.filter((_, other) => other !== index);
          return (
            <Button
              key={text}
              variant="secondary"
              icon="times"
              tooltip={t('conditions.remove', 'Remove this filter')}
              onClick={() => onChange(rest.length ? rest : undefined)}
            >
              {text}
            </Button>
          );
        })}
      </Stack>
    </InlineField>
  );
}

/** A condition as people write it: pod != a, b */
export function conditionText({ key, op, values }: Condition): string {
  return `${key} ${op} ${values.join(', ')}`;
}
