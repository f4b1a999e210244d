import React, { ComponentProps, KeyboardEvent, useState } from 'react';
import { Input } from '@grafana/ui';

interface Props extends Omit<ComponentProps<typeof Input>, 'value' | 'onChange' | 'onBlur' | 'ref'> {
  id: string;
  value: string | undefined;
  onCommit: (value: string) => void;
}

/** A text that counts when the user leaves the field or presses Enter, so that no query runs on half a word. */
export function CommittedInput({ value = '', onCommit, ...input }: Props) {
  const [saved, setSaved] = useState(value);
  const [draft, setDraft] = useState(value);
  if (value !== saved) {
    setSaved(value);
    setDraft(value);
  }
  const commit = () => {
    if (draft !== value) {
      onCommit(draft);
    }
  };
  return (
    <Input
      {...input}
      value={draft}
      onChange={(event) => setDraft(event.currentTarget.value)}
      onBlur={commit}
      onKeyDown={(event: KeyboardEvent) => event.key === 'Enter' && commit()}
    />
  );
}
