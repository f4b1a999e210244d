import React from 'react';
import { t } from '@grafana/i18n';

import { Settings, withLimit } from '../settings';
import { limitBounds, LimitName, limitNames } from '../types';
import { numberProblem } from '../validation';
import { ConfigSection } from './ConfigSection';
import { wholeNumber } from './kindEditor';
import { TextField } from './TextField';

interface Props {
  settings: Settings;
  onChange: (settings: Settings) => void;
}

/** What one query may take. */
export function LimitsSection({ settings, onChange }: Props) {
  const { limits = {} } = settings.jsonData;
  const texts = limitTexts();
  return (
    <ConfigSection
      title={t('limits.title', 'Limits')}
      description={t(
        'limits.description',
        'What one query may take. Hitting a limit fails nothing: what there is stays, and the answer says what was not seen.'
      )}
      initiallyOpen={Object.keys(limits).length > 0}
    >
      {limitNames.map((limit) => (
        <TextField
          key={limit}
          id={`vllm-limit-${limit}`}
          {...texts[limit]}
          type="number"
          value={limits[limit]}
          placeholder={String(limitBounds[limit].default)}
          problem={numberProblem(limits[limit], limitBounds[limit])}
          onChange={(text) => onChange(withLimit(settings, limit, wholeNumber(text)))}
          width={16}
          disabled={settings.readOnly}
        />
      ))}
    </ConfigSection>
  );
}

function limitTexts(): Record<LimitName, { label: string; description: string }> {
  return {
    requests: {
      label: t('limits.requests', 'Requests'),
      description: t('limits.requests-description', 'Rows that one query may join'),
    },
    tracesPerCall: {
      label: t('limits.traces', 'Traces per call'),
      description: t('limits.traces-description', 'A window that holds more is cut and asked again'),
    },
    linesPerCall: {
      label: t('limits.lines', 'Log lines per call'),
      description: t('limits.lines-description', 'At most what your Loki allows (max_entries_limit_per_query)'),
    },
    logLines: {
      label: t('limits.log-lines', 'Log lines'),
      description: t('limits.log-lines-description', 'Lines that one query may read'),
    },
    concurrentCalls: {
      label: t('limits.calls', 'Calls at once'),
      description: t('limits.calls-description', 'To one store, by one query'),
    },
  };
}
