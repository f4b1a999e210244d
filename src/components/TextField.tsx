import React from 'react';
import { Field, Input } from '@grafana/ui';

interface Props {
  id: string;
  label: string;
  description?: string;
  value: string | number | undefined;
  placeholder?: string;
  /** What is wrong with the value, if anything. */
  problem?: string;
  onChange: (text: string) => void;
  type?: 'text' | 'number';
  width?: number;
  disabled?: boolean;
}

/** One line of the settings, with what is wrong with it below. */
export function TextField({ id, label, description, problem, onChange, value = '', width = 48, ...input }: Props) {
  return (
    <Field label={label} description={description} htmlFor={id} invalid={Boolean(problem)} error={problem}>
      <Input
        {...input}
        id={id}
        value={value}
        width={width}
        step={input.type === 'number' ? 'any' : undefined}
        onChange={(event) => onChange(event.currentTarget.value)}
      />
    </Field>
  );
}
