import React, { FocusEvent, KeyboardEvent, useRef } from 'react';
import { Combobox, ComboboxOption, FieldValidationMessage } from '@grafana/ui';

import { useLiveOptions } from './useLiveOptions';
import { variableOptions } from './variableOptions';

interface Props {
  id: string;
  /** Names the field where no label stands before it. */
  labelledBy?: string;
  value: string | undefined;
  find: (signal: AbortSignal) => Promise<ComboboxOption[]>;
  /** An empty text when the field was cleared. */
  onChange: (value: string) => void;
  placeholder?: string;
  width?: number;
  invalid?: boolean;
}

/** Chooses one of what the stores really have, one of the dashboard's variables, or whatever the user types. */
export function LiveCombobox({ id, labelledBy, value = '', find, onChange, placeholder, width, invalid }: Props) {
  const { options, problem } = useLiveOptions(async (signal) => [...(await find(signal)), ...variableOptions()]);
  const leftByTab = useRef(false);

  // Grafana's field takes the option at hand when it is left by Tab, and forgets what was typed when it is left by a click.
  // An id that was pasted must not be lost by a click on "Run query".
  const noteTab = (event: KeyboardEvent) => {
    leftByTab.current = event.key === 'Tab';
  };
  const keepTyped = ({ target }: FocusEvent) => {
    const typed = target instanceof HTMLInputElement ? target.value.trim() : '';
    if (typed && typed !== value && !leftByTab.current) {
      onChange(typed);
    }
    leftByTab.current = false;
  };

  return (
    <div onKeyDownCapture={noteTab} onBlur={keepTyped}>
      <Combobox
        id={id}
        aria-labelledby={labelledBy}
        options={options}
        value={value || null}
        onChange={(chosen) => onChange(chosen?.value.trim() ?? '')}
        createCustomValue
        isClearable
        placeholder={placeholder}
        invalid={invalid}
        width={width}
      />
      {problem && <FieldValidationMessage>{problem}</FieldValidationMessage>}
    </div>
  );
}
