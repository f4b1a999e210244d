import React from 'react';
import { css } from '@emotion/css';
import { GrafanaTheme2 } from '@grafana/data';
import { t } from '@grafana/i18n';
import { Checkbox, Field, Input, useStyles2 } from '@grafana/ui';

import { Settings, withLabel } from '../settings';
import { defaultLabels, Place, places, Store } from '../types';
import { labelProblem } from '../validation';

interface Props {
  store: Store;
  settings: Settings;
  onChange: (settings: Settings) => void;
}

/** What one store calls each place: the usual name, another, or that it does not have it at all. */
export function LabelsEditor({ store, settings, onChange }: Props) {
  const styles = useStyles2(getStyles);
  const none = t('labels.none', 'not in this store');
  return (
    <div className={styles.grid}>
      {places.map((place) => {
        const usual = defaultLabels[store][place];
        const name = settings.jsonData[store]?.labels?.[place];
        const absent = name === '' && Boolean(usual);
        const label = placeLabels()[place];
        const id = `vllm-${store}-label-${place}`;
        const change = (changed: string | undefined) => onChange(withLabel(settings, store, place, changed));
        return (
          <div key={place} className={styles.place}>
            <Field
              noMargin
              label={label}
              htmlFor={id}
              invalid={Boolean(labelProblem(store, name))}
              error={labelProblem(store, name)}
            >
              <Input
                id={id}
                value={name ?? ''}
                placeholder={absent ? none : (usual ?? none)}
                width={32}
                disabled={settings.readOnly || absent}
                onChange={(event) => change(event.currentTarget.value || undefined)}
              />
            </Field>
            {usual && (
              <Checkbox
                id={`${id}-absent`}
                label={t('labels.absent', 'Not in this store')}
                aria-label={t('labels.absent-of', '{{place}} is not in this store', { place: label })}
                value={absent}
                disabled={settings.readOnly}
                onChange={(event) => change(event.currentTarget.checked ? '' : undefined)}
              />
            )}
          </div>
        );
      })}
    </div>
  );
}

function placeLabels(): Record<Place, string> {
  return {
    model: t('place.model', 'Model'),
    environment: t('place.environment', 'Environment'),
    cluster: t('place.cluster', 'Cluster'),
    namespace: t('place.namespace', 'Namespace'),
    pod: t('place.pod', 'Pod'),
    instance: t('place.instance', 'Instance'),
    engine: t('place.engine', 'Engine'),
    service: t('place.service', 'Service'),
  };
}

const getStyles = (theme: GrafanaTheme2) => ({
  grid: css({
    display: 'grid',
    gridTemplateColumns: 'repeat(auto-fill, minmax(270px, 1fr))',
    gap: theme.spacing(2),
  }),
  place: css({ display: 'flex', flexDirection: 'column', alignItems: 'flex-start', gap: theme.spacing(0.5) }),
});
