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
  const wentToOption = useRef(false);
  const lastKey = useRef('');
  const kept = useRef(false);

  // What was typed or pasted counts, unless the user went to an option. Grafana's field takes the option at hand instead, which
  // until the search is back may be one of the list before it, or none; and it forgets the text when it is left by a click.
  const keepTyped = (field: EventTarget) => {
    const typed = field instanceof HTMLInputElement ? field.value.trim() : '';
    kept.current = typed !== ''; // and not what Grafana's field says to the same key
    if (typed && typed !== value) {
      onChange(typed);
    }
  };
  const onKey = ({ key, target }: KeyboardEvent) => {
    lastKey.current = key;
    kept.current = false;
    if (key === 'ArrowDown' || key === 'ArrowUp') {
      wentToOption.current = true;
    } else if (key === 'Enter') {
      if (!wentToOption.current) {
        keepTyped(target);
      }
    } else if (key !== 'Tab') {
      wentToOption.current = false; // they search on
    }
  };
  const onLeave = ({ target }: FocusEvent) => {
    if (lastKey.current !== 'Tab' || !wentToOption.current) {
      keepTyped(target);
    }
    lastKey.current = '';
    wentToOption.current = false;
  };

  return (
    <div
      onKeyDownCapture={onKey}
      onPointerDownCapture={() => {
        kept.current = false;
      }}
      onBlur={onLeave}
    >
      <Combobox
        id={id}
        aria-labelledby={labelledBy}
        options={options}
        value={value || null}
        onChange={(chosen) => {
          if (!kept.current) {
            onChange(chosen?.value.trim() ?? '');
          }
        }}
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
