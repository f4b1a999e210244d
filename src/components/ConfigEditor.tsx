import React from 'react';
import { DataSourcePluginOptionsEditorProps } from '@grafana/data';
import { t } from '@grafana/i18n';
import { config } from '@grafana/runtime';
import { SecureSocksProxySettings, Text, TextLink } from '@grafana/ui';

import { Settings } from '../settings';
import { stores, VllmDataSourceOptions, VllmSecrets } from '../types';
import { HealthReport } from './HealthReport';
import { LimitsSection } from './LimitsSection';
import { StoreEditor } from './StoreEditor';
import { VllmSection } from './VllmSection';

export type Props = DataSourcePluginOptionsEditorProps<VllmDataSourceOptions, VllmSecrets>;

/** Three stores, vLLM, limits, and what Save & test found. */
export function ConfigEditor({ options, onOptionsChange }: Props) {
  const section: { settings: Settings; onChange: (settings: Settings) => void } = {
    settings: options,
    onChange: onOptionsChange,
  };
  return (
    <>
      <Text element="p" color="secondary">
        {t(
          'config.intro',
          'Any store may be left out: the data source works with what it has and says what is missing.'
        )}{' '}
        <TextLink href="https://github.com/llmserving/grafana-vllm-datasource#readme" external inline>
          {t('config.documentation', 'Documentation')}
        </TextLink>
      </Text>
      {stores.map((store) => (
        <StoreEditor key={store} store={store} {...section} />
      ))}
      <VllmSection {...section} />
      <LimitsSection {...section} />
      {config.secureSocksDSProxyEnabled && (
        <SecureSocksProxySettings options={options} onOptionsChange={onOptionsChange} />
      )}
      <HealthReport uid={options.uid} />
    </>
  );
}
