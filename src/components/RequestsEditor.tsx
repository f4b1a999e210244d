import React from 'react';
import { t } from '@grafana/i18n';
import { Button, Combobox, InlineField, InlineSwitch, RadioButtonGroup, Stack } from '@grafana/ui';

import { columnNamed, defaults, Filter, limits, RequestsSpec } from '../queryTypes';
import { CommittedInput } from './CommittedInput';
import { columnOptions, FilterEditor } from './FilterEditor';
import { KindEditorProps, wholeNumber } from './kindEditor';

/** Which requests, in which order, and how many. */
export function RequestsEditor({ id, spec, onChange, datasource, range, scope }: KindEditorProps<RequestsSpec>) {
  const { filters = [], sort, limit } = spec;
  const { column, desc: descending = false } = sort?.column ? sort : defaults.sort;
  const changeFilters = (changed: Filter[]) => onChange({ ...spec, filters: changed.length ? changed : undefined });
  return (
    <Stack direction="column" gap={1}>
      {filters.map((filter, i) => (
        <FilterEditor
          key={i}
          id={`${id}-filter-${i}`}
          label={i ? t('requests.and', 'and') : t('requests.where', 'Where')}
          filter={filter}
          find={(column, signal) => datasource.choices.columnValues(column, { range, scope, signal })}
          onChange={(changed) => changeFilters(filters.map((other, j) => (i === j ? changed : other)))}
          onRemove={() => changeFilters(filters.filter((_, j) => i !== j))}
        />
      ))}
      <Stack gap={1} wrap="wrap">
        <Button
          variant="secondary"
          icon="plus"
          disabled={filters.length >= limits.filters}
          onClick={() => changeFilters([...filters, { column: 'status', op: '!=', value: 'ok' }])}
        >
          {t('requests.add-filter', 'Filter')}
        </Button>
        <InlineField
          label={t('requests.sort', 'Sort by')}
          htmlFor={`${id}-sort`}
          tooltip={t(
            'requests.sort-tooltip',
            'What is not known comes last, such as the duration of a request that still runs'
          )}
        >
          <Combobox
            id={`${id}-sort`}
            options={columnOptions()}
            value={column}
            onChange={({ value }) => onChange({ ...spec, sort: { column: value, desc: descending } })}
            width={24}
          />
        </InlineField>
        <RadioButtonGroup
          id={`${id}-order`}
          aria-label={t('requests.order', 'Order')}
          options={orders(columnNamed(column)?.type)}
          value={descending}
          onChange={(desc) => onChange({ ...spec, sort: { column, desc } })}
        />
        <InlineField
          label={t('requests.limit', 'Limit')}
          htmlFor={`${id}-limit`}
          tooltip={t(
            'requests.limit-tooltip',
            'Rows to show. All requests of the range are joined before they are cut.'
          )}
        >
          <CommittedInput
            id={`${id}-limit`}
            type="number"
            min={1}
            value={limit?.toString()}
            placeholder={defaults.rows.toString()}
            onCommit={(text) => onChange({ ...spec, limit: wholeNumber(text) })}
            width={12}
          />
        </InlineField>
        <InlineField
          label={t('live.label', 'Live')}
          htmlFor={`${id}-live`}
          tooltip={t(
            'live.requests-tooltip',
            'Show requests as they come and fill in what is known later, without refreshing. The range must end now.'
          )}
        >
          <InlineSwitch
            id={`${id}-live`}
            value={Boolean(spec.live)}
            onChange={(event) => onChange({ ...spec, live: event.currentTarget.checked || undefined })}
          />
        </InlineField>
      </Stack>
    </Stack>
  );
}

function orders(type: string | undefined) {
  switch (type) {
    case 'time':
      return [
        { label: t('requests.newest', 'Newest first'), value: true },
        { label: t('requests.oldest', 'Oldest first'), value: false },
      ];
    case 'text':
      return [
        { label: t('requests.a-z', 'A to Z'), value: false },
        { label: t('requests.z-a', 'Z to A'), value: true },
      ];
    default:
      return [
        { label: t('requests.largest', 'Largest first'), value: true },
        { label: t('requests.smallest', 'Smallest first'), value: false },
      ];
  }
}
