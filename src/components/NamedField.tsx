import React, { ComponentProps, cloneElement, ReactElement } from 'react';
import { InlineField, InlineLabel } from '@grafana/ui';

type Props = Omit<ComponentProps<typeof InlineField>, 'label' | 'htmlFor' | 'tooltip' | 'children'> & {
  label: string;
  htmlFor: string;
  tooltip?: string;
  children: ReactElement<{ 'aria-labelledby'?: string }>;
};

/**
 * An InlineField around a MultiCombobox, which in Grafana 12 gives its input no id: a label can name it by aria-labelledby
 * alone, else a screen reader reads the placeholder.
 */
export function NamedField({ label, htmlFor, tooltip, children, ...field }: Props) {
  const id = `${htmlFor}-label`;
  return (
    <InlineField
      {...field}
      label={
        <InlineLabel id={id} htmlFor={htmlFor} tooltip={tooltip} width="auto">
          {label}
        </InlineLabel>
      }
    >
      {cloneElement(children, { 'aria-labelledby': id })}
    </InlineField>
  );
}
