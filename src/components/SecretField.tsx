import React from 'react';
import { Field, SecretInput, SecretTextArea } from '@grafana/ui';

import { isSaved, Settings, withoutSecret, withSecret } from '../settings';
import { SecretName } from '../types';

interface Props {
  name: SecretName;
  label: string;
  description?: string;
  settings: Settings;
  onChange: (settings: Settings) => void;
  /** Shown where a PEM text is wanted. */
  pem?: string;
}

/** A secret: it can be typed and reset, and is never shown again once saved. */
export function SecretField({ name, label, description, settings, onChange, pem }: Props) {
  const field = {
    id: `vllm-${name}`,
    isConfigured: isSaved(settings, name),
    value: settings.secureJsonData?.[name] ?? '',
    onReset: () => onChange(withoutSecret(settings, name)),
  };
  return (
    <Field label={label} description={description} htmlFor={field.id}>
      {pem ? (
        <SecretTextArea
          {...field}
          rows={5}
          cols={64}
          placeholder={pem}
          onChange={(event) => onChange(withSecret(settings, name, event.currentTarget.value))}
        />
      ) : (
        <SecretInput
          {...field}
          width={48}
          autoComplete="new-password"
          onChange={(event) => onChange(withSecret(settings, name, event.currentTarget.value))}
        />
      )}
    </Field>
  );
}
