import React from 'react';
import { t } from '@grafana/i18n';
import { Field, Stack, TagsInput } from '@grafana/ui';

import { Settings, withVllm } from '../settings';
import { defaultVllm, gpuPriceBounds, scrapeIntervalBounds, VllmSettings } from '../types';
import {
  currencyProblem,
  durationProblem,
  logSelectorProblem,
  metricPrefixProblem,
  numberProblem,
} from '../validation';
import { examples, names } from '../untranslated';
import { ConfigSection } from './ConfigSection';
import { SloEditor } from './SloEditor';
import { TextField } from './TextField';

interface Props {
  settings: Settings;
  onChange: (settings: Settings) => void;
}

/** How the engines at hand are scraped and named, and what is expected of them. */
export function VllmSection({ settings, onChange }: Props) {
  const vllm = settings.jsonData.vllm ?? {};
  const change = (patch: Partial<typeof vllm>) => onChange(withVllm(settings, patch));
  return (
    <ConfigSection
      title={names.vllm}
      description={t('vllm.description', 'How your engines are scraped, what is expected of them, and what they cost.')}
      initiallyOpen
    >
      <TextField
        id="vllm-scrape-interval"
        label={t('vllm.scrape-interval', 'Scrape interval')}
        description={t(
          'vllm.scrape-interval-description',
          'That of your scrape job; measured where this is empty. A state older than two and a half of it is shown as not known.'
        )}
        value={vllm.scrapeInterval}
        placeholder={t('vllm.scrape-interval-measured', 'measured')}
        problem={durationProblem(vllm.scrapeInterval, scrapeIntervalBounds)}
        onChange={(scrapeInterval) => change({ scrapeInterval })}
        width={16}
        disabled={settings.readOnly}
      />
      <Field
        label={t('vllm.slo', 'SLO limits')}
        description={t(
          'vllm.slo-description',
          'Each request is held against all limits of its model, which its column slo_met tells. The first row that names the model counts; * stands for any characters.'
        )}
      >
        <SloEditor settings={settings} onChange={onChange} />
      </Field>
      <Stack gap={2} wrap="wrap">
        <TextField
          id="vllm-gpu-price"
          label={t('vllm.gpu-price', 'GPU price per hour')}
          description={t('vllm.gpu-price-description', 'Of one GPU: what models cost follows from it')}
          type="number"
          value={vllm.gpuPricePerHour}
          placeholder={examples.price}
          problem={numberProblem(vllm.gpuPricePerHour, gpuPriceBounds)}
          onChange={(text) => change({ gpuPricePerHour: Number(text) || undefined })}
          width={16}
          disabled={settings.readOnly}
        />
        <TextField
          id="vllm-currency"
          label={t('vllm.currency', 'Currency')}
          description={t('vllm.currency-description', 'Shown before a price')}
          value={vllm.currency}
          placeholder={examples.currency}
          problem={currencyProblem(vllm.currency)}
          onChange={(currency) => change({ currency })}
          width={12}
          disabled={settings.readOnly}
        />
      </Stack>
      <ConfigSection
        parent={names.vllm}
        title={t('vllm.names', 'Names')}
        contents={t('vllm.names-contents', 'Metric prefix, request span, services, log selector')}
        description={t(
          'vllm.names-description',
          'How your engines name their telemetry. The defaults are those of vLLM.'
        )}
        initiallyOpen={hasNames(vllm)}
      >
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
          description={t(
            'vllm.engine-services-description',
            'In Jaeger; none = every service that has the request span'
          )}
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
        <Field
          label={t('vllm.model-aliases', 'Model aliases')}
          description={t(
            'vllm.model-aliases-description',
            'Names that clients use for a model. A request refused under such a name is ours only when the name is known.'
          )}
          htmlFor="vllm-model-aliases"
        >
          <TagsInput
            id="vllm-model-aliases"
            tags={vllm.modelAliases ?? []}
            placeholder={t('vllm.add-alias', 'Name, then Enter')}
            onChange={(modelAliases) => change({ modelAliases })}
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
    </ConfigSection>
  );
}

function hasNames({
  metricPrefix,
  spanName,
  engineServices,
  callerServices,
  modelAliases,
  logSelector,
}: VllmSettings): boolean {
  return Boolean(
    metricPrefix || spanName || engineServices?.length || callerServices?.length || modelAliases?.length || logSelector
  );
}
