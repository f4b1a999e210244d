import React from 'react';
import { t } from '@grafana/i18n';
import { Button, Combobox, InlineField, InlineSwitch, RadioButtonGroup, Stack } from '@grafana/ui';

import { columnNamed, defaults, Filter, isShare, limits, RequestsSpec, ShareMetric } from '../queryTypes';
import { CommittedInput } from './CommittedInput';
import { columnOptions, FilterEditor } from './FilterEditor';
import { FormPicker } from './FormPicker';
import { GroupByPicker } from './GroupByPicker';
import { KindEditorProps, wholeNumber } from './kindEditor';

/** Which requests, in which order, and how many; or which share of them passes, which is what an alert rule can compare. */
export function RequestsEditor({ id, spec, onChange, lists, range, scope, alerting }: KindEditorProps<RequestsSpec>) {
  const { filters = [] } = spec;
  const changeFilters = (changed: Filter[]) => onChange({ ...spec, filters: changed.length ? changed : undefined });
  return (
    <Stack direction="column" gap={1}>
      {filters.map((filter, i) => (
        <FilterEditor
          key={i}
          id={`${id}-filter-${i}`}
          label={i ? t('requests.and', 'and') : t('requests.where', 'Where')}
          filter={filter}
          find={(column, signal) => lists.columnValues(column, { range, scope, signal })}
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
        {alerting || isShare(spec) ? (
          <ShareFields id={id} spec={spec} onChange={onChange} />
        ) : (
          <TableFields id={id} spec={spec} onChange={onChange} />
        )}
        <FormPicker
          id={`${id}-form`}
          form={spec.form}
          onChange={(form) => onChange({ ...spec, form: form === 'table' ? undefined : form })}
          alerting={alerting}
        />
      </Stack>
    </Stack>
  );
}

type FieldsProps = Pick<KindEditorProps<RequestsSpec>, 'id' | 'spec' | 'onChange'>;

/** What a table of requests needs besides filters. */
function TableFields({ id, spec, onChange }: FieldsProps) {
  const { column, desc: descending = false } = spec.sort?.column ? spec.sort : defaults.sort;
  return (
    <>
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
        tooltip={t('requests.limit-tooltip', 'Rows to show. All requests of the range are joined before they are cut.')}
      >
        <CommittedInput
          id={`${id}-limit`}
          type="number"
          min={1}
          value={spec.limit?.toString()}
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
    </>
  );
}

/** Of what the share is, or whether it is the number. */
function ShareFields({ id, spec, onChange }: FieldsProps) {
  return (
    <>
      <RadioButtonGroup
        id={`${id}-metric`}
        aria-label={t('requests.metric', 'Figure')}
        options={[
          { label: t('requests.share', 'Share'), value: 'share' as ShareMetric },
          { label: t('requests.passed', 'Count'), value: 'passed' as ShareMetric },
        ]}
        value={spec.metric ?? 'share'}
        onChange={(metric) => onChange({ ...spec, metric: metric === 'share' ? undefined : metric })}
      />
      <InlineField
        label={t('requests.share-by', 'Share by')}
        htmlFor={`${id}-group-by`}
        tooltip={t(
          'requests.share-tooltip',
          'The share of requests that pass the filters, of those of which it is known whether they do'
        )}
        invalid={!spec.filters?.length}
        error={t('requests.share-filters', 'A share of all requests is always 100 %: add a filter')}
      >
        <GroupByPicker
          id={`${id}-group-by`}
          groupBy={spec.groupBy}
          onChange={(groupBy) => onChange({ ...spec, groupBy })}
        />
      </InlineField>
    </>
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
