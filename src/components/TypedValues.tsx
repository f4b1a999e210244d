import React, { KeyboardEvent } from 'react';
import { ComboboxOption, MultiCombobox } from '@grafana/ui';

import { useTyped } from './useTyped';

interface Props {
  id: string;
  'aria-labelledby'?: string;
  options: ComboboxOption[] | ((typed: string) => Promise<ComboboxOption[]>);
  values: string[];
  onChange: (values: string[]) => void;
  placeholder: string;
  minWidth: number;
}

/** Chooses several of the options, and whatever the user types and enters. */
export function TypedValues({ values, onChange, ...menu }: Props) {
  const { entered, goToOption, goToText } = useTyped();

  const onKey = (event: KeyboardEvent) => {
    const typed = entered(event);
    if (typed) {
      event.stopPropagation(); // Grafana's field would take the option below the mouse
      if (!values.includes(typed)) {
        onChange([...values, typed]);
      }
    }
  };

  return (
    <div
      onKeyDownCapture={onKey}
      onInputCapture={goToText}
      onPointerDownCapture={goToOption} // the text stays when an option is clicked: it is what they searched for
    >
      <MultiCombobox
        {...menu}
        value={values.map((value) => ({ value, label: value }))}
        onChange={(chosen) => onChange(chosen.map(({ value }) => value))}
        createCustomValue
        isClearable
        width="auto"
        maxWidth={48}
      />
    </div>
  );
}
