import React from 'react';
import { t } from '@grafana/i18n';
import { InlineField, RadioButtonGroup } from '@grafana/ui';

import { Form, forms } from '../queryTypes';

interface Props {
  id: string;
  form: Form | undefined;
  onChange: (form: Form) => void;
  alerting: boolean;
}

/** The shape of an answer. An alert rule cannot read a table. */
export function FormPicker({ id, form, onChange, alerting }: Props) {
  const labels: Record<Form, string> = {
    table: t('form.table', 'Table'),
    timeseries: t('form.timeseries', 'Time series'),
    numeric: t('form.numeric', 'Number'),
  };
  const offered = forms.filter((value) => !alerting || value !== 'table');
  const shown = form && offered.includes(form) ? form : offered[alerting ? 1 : 0];
  return (
    <InlineField label={t('form.label', 'Form')} htmlFor={id}>
      <RadioButtonGroup
        id={id}
        aria-label={t('form.label', 'Form')}
        options={offered.map((value) => ({ value, label: labels[value] }))}
        value={shown}
        onChange={onChange}
      />
    </InlineField>
  );
}
