import React from 'react';
import { t } from '@grafana/i18n';
import { Field, TagsInput } from '@grafana/ui';

import { Settings, withVllm } from '../settings';
import { defaultVllm, scrapeIntervalBounds } from '../types';
import { durationProblem, logSelectorProblem, metricPrefixProblem } from '../validation';
import { examples, names } from '../untranslated';
import { ConfigSection } from './ConfigSection';
import { TextField } from './TextField';

interface Props {
  settings: Settings;
  onChange: (settings: Settings) => void;
}

/** How the engines at hand name their telemetry. */
export function VllmSection({ settings, onChange }: Props) {
  const vllm = settings.jsonData.vllm ?? {};
  const change = (patch: Partial<typeof vllm>) => onChange(withVllm(settings, patch));
  return (
    <ConfigSection
      title={names.vllm}
      description={t('vllm.description', 'How your engines name their telemetry. The defaults are those of vLLM.')}
      initiallyOpen
    >
      <TextField
        id="vllm-scrape-interval"
        label={t('vllm.scrape-interval', 'Scrape interval')}
        description={t(
          'vllm.scrape-interval-description',
          'That of your scrape job. A state older than two and a half of it is shown as not known.'
        )}
        value={vllm.scrapeInterval}
        placeholder={defaultVllm.scrapeInterval}
        problem={durationProblem(vllm.scrapeInterval, scrapeIntervalBounds)}
        onChange={(scrapeInterval) => change({ scrapeInterval })}
        width={16}
        disabled={settings.readOnly}
      />
      <TextField
        id="vllm-metric-prefix"
        label={t('vllm.metric-prefix', 'Metric prefix')}
        description={t('vllm.metric-prefix-description', 'Some collectors turn the colon into an underscore')}
        value={vllm.metricPrefix}
        placeholder={defaultVllm.metricPrefix}
        problem={metricPrefixProblem(vllm.metricPrefix)}
        onChange={(metricPrefix) => change({ metricPrefix })}
        width={16}
        disabled={settings.readOnly}
      />
      <TextField
        id="vllm-span-name"
        label={t('vllm.span-name', 'Request span')}
        description={t('vllm.span-name-description', "Name of the engine's span of one request")}
        value={vllm.spanName}
        placeholder={defaultVllm.spanName}
        onChange={(spanName) => change({ spanName })}
        width={32}
        disabled={settings.readOnly}
      />
      <Field
        label={t('vllm.engine-services', 'Engine services')}
        description={t('vllm.engine-services-description', 'In Jaeger; none = every service that has the request span')}
        htmlFor="vllm-engine-services"
      >
        <TagsInput
          id="vllm-engine-services"
          tags={vllm.engineServices ?? []}
          placeholder={t('vllm.add-service', 'Service, then Enter')}
          onChange={(engineServices) => change({ engineServices })}
          addOnBlur
          width={48}
          disabled={settings.readOnly}
        />
      </Field>
      <Field
        label={t('vllm.caller-services', 'Caller services')}
        description={t(
          'vllm.caller-services-description',
          'In Jaeger, above the engines. A request that was rejected has no span but theirs.'
        )}
        htmlFor="vllm-caller-services"
      >
        <TagsInput
          id="vllm-caller-services"
          tags={vllm.callerServices ?? []}
          placeholder={t('vllm.add-service', 'Service, then Enter')}
          onChange={(callerServices) => change({ callerServices })}
          addOnBlur
          width={48}
          disabled={settings.readOnly}
        />
      </Field>
      <TextField
        id="vllm-log-selector"
        label={t('vllm.log-selector', 'Log selector')}
        description={t(
          'vllm.log-selector-description',
          "Loki's streams of your engines; empty = found by their labels"
        )}
        value={vllm.logSelector}
        placeholder={examples.logSelector}
        problem={logSelectorProblem(vllm.logSelector)}
        onChange={(logSelector) => change({ logSelector })}
        width={64}
        disabled={settings.readOnly}
      />
    </ConfigSection>
  );
}
