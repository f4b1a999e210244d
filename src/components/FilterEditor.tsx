import React from 'react';
import { t } from '@grafana/i18n';
import { Combobox, Field, IconButton, InlineField, Stack } from '@grafana/ui';

import { parseDuration } from '../duration';
import { describeColumn } from '../describe';
import { Column, columnNamed, columns, Filter, limits, opsOf, takesValue } from '../queryTypes';
import { CommittedInput } from './CommittedInput';

interface Props {
  id: string;
  /** Where, for the first filter, and the word that joins the others to it. */
  label: string;
  filter: Filter;
  onChange: (filter: Filter) => void;
  onRemove: () => void;
}

/** One comparison; which ones there are, and what a value looks like, follows from the column. */
export function FilterEditor({ id, label, filter, onChange, onRemove }: Props) {
  const column = columnNamed(filter.column);
  const problem = column && filterProblem(column, filter);
  const changeColumn = (name: string) => {
    const ops = opsOf(columnNamed(name)?.type ?? 'text');
    const fits = columnNamed(name)?.type === column?.type;
    onChange(fits ? { ...filter, column: name } : { column: name, op: ops.includes('>') ? '>' : ops[0], value: '' });
  };
  return (
    <Stack gap={0.5} alignItems="flex-start" wrap="wrap">
      <InlineField label={label} labelWidth={8} htmlFor={`${id}-column`}>
        <Combobox
          id={`${id}-column`}
          options={columnOptions()}
          value={filter.column}
          onChange={({ value }) => changeColumn(value)}
          width={24}
        />
      </InlineField>
      <span id={`${id}-op-label`} hidden>
        {t('filter.op', 'Comparison')}
      </span>
      <Combobox
        id={`${id}-op`}
        aria-labelledby={`${id}-op-label`}
        options={opsOf(column?.type ?? 'text').map((value) => ({ value, label: opLabel(value) }))}
        value={filter.op}
        onChange={({ value }) => onChange({ ...filter, op: value })}
        width={14}
      />
      {takesValue(filter.op) && (
        <Field noMargin invalid={Boolean(problem && filter.value)} error={problem}>
          <CommittedInput
            id={`${id}-value`}
            aria-label={t('filter.value', 'Value')}
            value={filter.value}
            placeholder={column && placeholder(column)}
            maxLength={limits.valueLength}
            onCommit={(value) => onChange({ ...filter, value })}
            width={24}
          />
        </Field>
      )}
      <IconButton name="times" size="lg" tooltip={t('filter.remove', 'Remove filter')} onClick={onRemove} />
    </Stack>
  );
}

export function columnOptions() {
  return columns.map((column) => ({ value: column.name, label: column.name, description: describeColumn(column) }));
}

/** What is wrong with a filter's value; undefined when the backend can read it. */
export function filterProblem(column: Column, { op, value = '' }: Filter): string | undefined {
  if (column.type === 'text' || !takesValue(op) || value.includes('$') || value.includes('[[')) {
    return undefined;
  }
  const text = value.trim();
  if (text && Number.isFinite(Number(text))) {
    return undefined;
  }
  if (column.type === 'time') {
    return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(text)
      ? undefined
      : t('filter.time', 'A time such as 2026-01-31T12:00:00Z, or milliseconds');
  }
  if (column.unit === 's') {
    return parseDuration(text) === undefined ? t('filter.duration', 'A duration such as 500ms or 2s') : undefined;
  }
  return t('filter.number', 'A number');
}

function placeholder({ type, unit }: Column): string {
  switch (true) {
    case type === 'time':
      return '2026-01-31T12:00:00Z';
    case unit === 's':
      return '500ms';
    case unit === 'percentunit':
      return '0.9';
    case type === 'text':
      return '';
    default:
      return '0';
  }
}

function opLabel(op: string): string {
  switch (op) {
    case 'null':
      return t('filter.null', 'is not known');
    case 'not null':
      return t('filter.not-null', 'is known');
    default:
      return op;
  }
}
