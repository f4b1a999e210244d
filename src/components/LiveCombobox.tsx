import React, { FocusEvent, KeyboardEvent, useRef } from 'react';
import { Combobox, ComboboxOption, FieldValidationMessage } from '@grafana/ui';

import { useLiveOptions } from './useLiveOptions';
import { textOf, useTyped } from './useTyped';
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
  const { entered, isAtOption, goToText } = useTyped();
  const lastKey = useRef('');
  const kept = useRef(false);

  // Grafana's field also forgets the text when it is left by a click.
  const keep = (typed: string) => {
    kept.current = typed !== ''; // and not what Grafana's field says to the same key
    if (typed && typed !== value) {
      onChange(typed);
    }
  };
  const onKey = (event: KeyboardEvent) => {
    lastKey.current = event.key;
    keep(entered(event));
  };
  const onLeave = ({ target }: FocusEvent) => {
    if (lastKey.current !== 'Tab' || !isAtOption()) {
      keep(textOf(target));
    }
    lastKey.current = '';
    goToText();
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
