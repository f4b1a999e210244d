import React from 'react';
import { css } from '@emotion/css';
import { GrafanaTheme2 } from '@grafana/data';
import { t } from '@grafana/i18n';
import { Button, Dropdown, FieldValidationMessage, IconButton, Input, Menu, useStyles2 } from '@grafana/ui';

import { Settings, withoutSlo, withSlo, withSloEarlier } from '../settings';
import { sloBounds, SloLimits } from '../types';
import { examples, names } from '../untranslated';
import { latencyProblem, sloProblem } from '../validation';

interface Props {
  settings: Settings;
  onChange: (settings: Settings) => void;
}

const latencies = ['ttft', 'tpot', 'e2e'] as const;

/** Limits on latency per model. Rows are tried in their order, so they can be moved. */
export function SloEditor({ settings, onChange }: Props) {
  const styles = useStyles2(getStyles);
  const rows = settings.jsonData.vllm?.slo ?? [];
  const disabled = settings.readOnly;
  return (
    <div className={styles.list}>
      {rows.map((row, i) => {
        const number = i + 1;
        const change = (patch: SloLimits) => onChange(withSlo(settings, i, patch));
        const problem = sloProblem(rows, i) ?? latencies.map((name) => latencyProblem(row[name])).find(Boolean);
        return (
          <div key={i} role="group" aria-label={t('slo.row', 'Limits {{number}}', { number })}>
            <div className={styles.row}>
              <div className={styles.model}>
                <Input
                  id={`vllm-slo-${i}-model`}
                  aria-label={t('slo.model', 'Model of limits {{number}}', { number })}
                  prefix={t('slo.model-prefix', 'Model')}
                  value={row.model ?? ''}
                  placeholder={examples.model}
                  invalid={Boolean(sloProblem(rows, i))}
                  disabled={disabled}
                  onChange={(event) => change({ model: event.currentTarget.value })}
                />
              </div>
              {latencies.map((name) => (
                <Input
                  key={name}
                  id={`vllm-slo-${i}-${name}`}
                  aria-label={t('slo.latency', '{{title}} of limits {{number}}', { title: names[name], number })}
                  prefix={names[name]}
                  value={row[name] ?? ''}
                  placeholder={examples[name]}
                  width={16}
                  invalid={Boolean(latencyProblem(row[name]))}
                  disabled={disabled}
                  onChange={(event) => change({ [name]: event.currentTarget.value })}
                />
              ))}
              {!disabled && (
                <div className={styles.actions}>
                  <Dropdown
                    overlay={() => (
                      <Presets onChoose={({ model, ...limits }) => change({ model: row.model || model, ...limits })} />
                    )}
                  >
                    <Button
                      variant="secondary"
                      icon="angle-down"
                      aria-label={t('slo.preset-of', 'MLPerf preset for limits {{number}}', { number })}
                    >
                      {t('slo.preset', 'MLPerf')}
                    </Button>
                  </Dropdown>
                  <IconButton
                    name="arrow-up"
                    tooltip={t('slo.earlier', 'Try limits {{number}} earlier', { number })}
                    disabled={i === 0}
                    onClick={() => onChange(withSloEarlier(settings, i))}
                  />
                  <IconButton
                    name="trash-alt"
                    tooltip={t('slo.remove', 'Remove limits {{number}}', { number })}
                    onClick={() => onChange(withoutSlo(settings, i))}
                  />
                </div>
              )}
            </div>
            {problem && <FieldValidationMessage>{problem}</FieldValidationMessage>}
          </div>
        );
      })}
      {!disabled && (
        <Button
          variant="secondary"
          icon="plus"
          disabled={rows.length >= sloBounds.entries}
          onClick={() => onChange(withSlo(settings, rows.length, {}))}
        >
          {t('slo.add', 'Add limits')}
        </Button>
      )}
    </div>
  );
}

/** MLPerf's limits. They fill in a row; a model that is already there stays. */
function Presets({ onChoose }: { onChoose: (limits: SloLimits) => void }) {
  return (
    <Menu>
      <Menu.Group
        label={t(
          'slo.mlperf',
          'MLPerf Inference: limits for the 99th percentile of a run. Here every request is held to them.'
        )}
      >
        {sloBounds.presets.map(({ name, ...limits }) => (
          <Menu.Item
            key={name}
            label={name}
            description={[names.ttft, limits.ttft, names.tpot, limits.tpot].join(' ')}
            onClick={() => onChoose(limits)}
          />
        ))}
      </Menu.Group>
    </Menu>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  list: css({
    display: 'flex',
    flexDirection: 'column',
    gap: theme.spacing(1),
    alignItems: 'stretch',
    '& > button': { alignSelf: 'flex-start' },
  }),
  row: css({ display: 'flex', flexWrap: 'wrap', gap: theme.spacing(1), alignItems: 'center' }),
  model: css({ flex: '1 1 260px' }),
  actions: css({ display: 'flex', gap: theme.spacing(1), alignItems: 'center' }),
});
