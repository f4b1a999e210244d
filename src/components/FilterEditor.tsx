import React from 'react';
import { css } from '@emotion/css';
import { GrafanaTheme2 } from '@grafana/data';
import { t } from '@grafana/i18n';
import { Combobox, ComboboxOption, Field, IconButton, InlineField, Stack, useStyles2 } from '@grafana/ui';

import { parseDuration } from '../duration';
import { describeColumn } from '../describe';
import { Option } from '../lists/lists';
import { Column, columnNamed, columns, Filter, limits, opsOf, takesValue } from '../queryTypes';
import { CommittedInput } from './CommittedInput';
import { LiveCombobox } from './LiveCombobox';

interface Props {
  id: string;
  /** Where, for the first filter, and the word that joins the others to it. */
  label: string;
  filter: Filter;
  /** What a text column holds in the range. */
  find: (column: string, signal: AbortSignal) => Promise<Option[]>;
  onChange: (filter: Filter) => void;
  onRemove: () => void;
}

/** One comparison; which ones there are, and what a value looks like, follows from the column. */
export function FilterEditor({ id, label, filter, find, onChange, onRemove }: Props) {
  const styles = useStyles2(getStyles);
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
      <span id={`${id}-value-label`} hidden>
        {t('filter.value', 'Value')}
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
          {column?.type === 'text' ? (
            <LiveCombobox
              id={`${id}-value`}
              labelledBy={`${id}-value-label`}
              value={filter.value}
              find={async (signal) => fixedValues[column.name] ?? counted(await find(column.name, signal))}
              onChange={(value) => onChange({ ...filter, value })}
              placeholder={
                filter.op.includes('~') ? t('filter.pattern', 'pattern') : t('filter.choose', 'choose or type')
              }
              width={32}
            />
          ) : (
            <CommittedInput
              id={`${id}-value`}
              aria-label={t('filter.value', 'Value')}
              value={filter.value}
              placeholder={column && placeholder(column)}
              maxLength={limits.valueLength}
              onCommit={(value) => onChange({ ...filter, value })}
              width={24}
            />
          )}
        </Field>
      )}
      <div className={styles.remove}>
        <IconButton name="times" size="lg" tooltip={t('filter.remove', 'Remove filter')} onClick={onRemove} />
      </div>
    </Stack>
  );
}

/** Columns that take few values, all of which can be asked for, whether the range has them or not. */
const fixedValues: Partial<Record<string, ComboboxOption[]>> = {
  status: ['ok', 'error', 'aborted', 'rejected', 'unknown'].map((value) => ({ value, label: value })),
  slo_met: ['true', 'false'].map((value) => ({ value, label: value })),
};

function counted(values: Option[]): ComboboxOption[] {
  return values.map(({ value, count: rows }) => ({
    value,
    label: value,
    description: rows ? t('filter.rows', 'rows: {{rows}}', { rows }) : undefined,
  }));
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
  if (column.unit === 'percentunit') {
    return /^\d+(\.\d+)?\s*%$/.test(text) ? undefined : t('filter.ratio', 'A share such as 90% or 0.9');
  }
  if (column.unit === 's') {
    return parseDuration(text) === undefined
      ? t('filter.duration', 'A duration such as 500ms, 2s or 1m30s')
      : undefined;
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
      return '90%';
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

const getStyles = (theme: GrafanaTheme2) => ({
  /** As high as a field, so that the cross stands in the middle of its line. */
  remove: css({ display: 'flex', alignItems: 'center', height: theme.spacing(theme.components.height.md) }),
});
