import React, { useState } from 'react';
import { t } from '@grafana/i18n';
import { Button, Field, IconButton, Input, SecretInput, Stack } from '@grafana/ui';

import { headerSecret, isSaved, Settings, withHeader, withoutHeader, withoutSecret, withSecret } from '../settings';
import { Store } from '../types';
import { headerProblem, headerValueProblem } from '../validation';
import { examples } from '../untranslated';

interface Props {
  store: Store;
  settings: Settings;
  onChange: (settings: Settings) => void;
  disabled: boolean;
}

/** Custom headers. Their values are secrets with fixed numbers, so a row that is taken out leaves a gap for the next. */
export function HeadersEditor({ store, settings, onChange, disabled }: Props) {
  const [opened, setOpened] = useState<number[]>([]);
  const saved = settings.jsonData[store] ?? {};
  const { headers = [] } = saved;
  const isShown = (i: number) => Boolean(headers[i]) || opened.includes(i);
  const rows = Array.from({ length: Math.max(headers.length, ...opened.map((i) => i + 1)) }, (_, i) => i);

  const add = () => setOpened([...opened, rows.find((i) => !isShown(i)) ?? rows.length]);
  const remove = (i: number) => {
    setOpened(opened.filter((other) => other !== i));
    onChange(withoutHeader(settings, store, i));
  };

  return (
    <Field
      label={t('headers.label', 'Headers')}
      description={t('headers.description', 'Sent with every call, in gRPC as metadata. Values are kept secret.')}
    >
      <Stack direction="column" gap={1} alignItems="flex-start">
        {rows.filter(isShown).map((i) => {
          const secret = headerSecret(store, i);
          const name = headers[i] ?? '';
          const problem = headerProblem(store, saved, i);
          const typed = settings.secureJsonData?.[secret] ?? '';
          const wrong =
            headerValueProblem(typed) ??
            (name && !typed && !isSaved(settings, secret) ? t('headers.empty', 'A header needs a value') : undefined);
          return (
            <Stack key={i} gap={1} alignItems="flex-start" wrap="wrap">
              <Field noMargin invalid={Boolean(problem)} error={problem}>
                <Input
                  id={`vllm-${store}-header-${i}`}
                  aria-label={t('headers.name', 'Name of header {{number}}', { number: i + 1 })}
                  value={name}
                  placeholder={examples.header}
                  width={28}
                  disabled={disabled}
                  onChange={(event) => {
                    setOpened(opened.includes(i) ? opened : [...opened, i]);
                    onChange(withHeader(settings, store, i, event.currentTarget.value.trim()));
                  }}
                />
              </Field>
              <Field noMargin invalid={Boolean(wrong)} error={wrong}>
                {disabled ? (
                  <Input
                    id={`vllm-${secret}`}
                    aria-label={t('headers.value', 'Value of header {{number}}', { number: i + 1 })}
                    value={isSaved(settings, secret) ? t('secret.saved', 'configured') : ''}
                    width={32}
                    disabled
                  />
                ) : (
                  <SecretInput
                    id={`vllm-${secret}`}
                    aria-label={t('headers.value', 'Value of header {{number}}', { number: i + 1 })}
                    isConfigured={isSaved(settings, secret)}
                    value={typed}
                    width={32}
                    autoComplete="new-password"
                    onReset={() => onChange(withoutSecret(settings, secret))}
                    onChange={(event) => onChange(withSecret(settings, secret, event.currentTarget.value))}
                  />
                )}
              </Field>
              {!disabled && (
                <IconButton
                  name="trash-alt"
                  size="lg"
                  tooltip={t('headers.remove', 'Remove header {{number}}', { number: i + 1 })}
                  onClick={() => remove(i)}
                />
              )}
            </Stack>
          );
        })}
        {!disabled && (
          <Button variant="secondary" icon="plus" onClick={add}>
            {t('headers.add', 'Add header')}
          </Button>
        )}
      </Stack>
    </Field>
  );
}
