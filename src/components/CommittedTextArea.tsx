import React, { ComponentProps, KeyboardEvent, useState } from 'react';
import { TextArea } from '@grafana/ui';

interface Props extends Omit<ComponentProps<typeof TextArea>, 'value' | 'onChange' | 'onBlur' | 'ref'> {
  id: string;
  value: string;
  onCommit: (value: string) => void;
  /** Shift-Enter and Ctrl-Enter with nothing changed. */
  onRun: () => void;
}

/** A text of several lines that counts when the user leaves the field, or presses Shift-Enter or Ctrl-Enter. */
export function CommittedTextArea({ value, onCommit, onRun, ...field }: Props) {
  const [saved, setSaved] = useState(value);
  const [draft, setDraft] = useState(value);
  if (value !== saved) {
    setSaved(value);
    setDraft(value);
  }
  const commit = (otherwise?: () => void) => (draft === value ? otherwise?.() : onCommit(draft));
  return (
    <TextArea
      {...field}
      rows={2}
      value={draft}
      onChange={(event) => setDraft(event.currentTarget.value)}
      onBlur={() => commit()}
      onKeyDown={(event: KeyboardEvent) => {
        if (event.key === 'Enter' && (event.shiftKey || event.ctrlKey || event.metaKey)) {
          event.preventDefault();
          commit(onRun);
        }
      }}
    />
  );
}
