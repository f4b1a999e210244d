import React from 'react';
import { t } from '@grafana/i18n';
import { Field, Input, SecretInput, SecretTextArea } from '@grafana/ui';

import { isSaved, Settings, withoutSecret, withSecret } from '../settings';
import { SecretName } from '../types';
import { examples } from '../untranslated';
import { headerValueProblem, pemProblem } from '../validation';

interface Props {
  name: SecretName;
  label: string;
  description?: string;
  settings: Settings;
  onChange: (settings: Settings) => void;
  /** What a PEM text holds, where one is wanted. */
  pem?: 'CERTIFICATE' | 'PRIVATE KEY';
  /** What is wrong when the secret is neither saved nor typed. */
  missing?: string;
  /** It is sent in a header as it is. */
  header?: boolean;
}

/** A secret: it can be typed and reset, and is never shown again once saved. */
export function SecretField({ name, label, description, settings, onChange, pem, missing, header }: Props) {
  const id = `vllm-${name}`;
  const saved = isSaved(settings, name);
  const typed = settings.secureJsonData?.[name] ?? '';
  const problem =
    (pem && pemProblem(typed, pem)) ||
    (header && headerValueProblem(typed)) ||
    (!saved && !typed ? missing : undefined);
  const secret = {
    id,
    isConfigured: saved,
    value: typed,
    onReset: () => onChange(withoutSecret(settings, name)),
  };
  const change = (text: string) => onChange(withSecret(settings, name, text));
  const field = { label, description, htmlFor: id, invalid: Boolean(problem), error: problem };
  if (settings.readOnly) {
    return (
      <Field label={label} description={description} htmlFor={id}>
        <Input id={id} width={48} disabled value={saved ? t('secret.saved', 'configured') : ''} />
      </Field>
    );
  }
  return (
    <Field {...field}>
      {pem ? (
        <SecretTextArea
          {...secret}
          rows={5}
          cols={64}
          placeholder={pem === 'CERTIFICATE' ? examples.certificate : examples.privateKey}
          onChange={(event) => change(event.currentTarget.value)}
        />
      ) : (
        <SecretInput
          {...secret}
          width={48}
          autoComplete="new-password"
          onChange={(event) => change(event.currentTarget.value)}
        />
      )}
    </Field>
  );
}
