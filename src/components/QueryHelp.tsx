import React from 'react';
import { css } from '@emotion/css';
import { GrafanaTheme2, QueryEditorHelpProps } from '@grafana/data';
import { t } from '@grafana/i18n';
import { Text, useStyles2 } from '@grafana/ui';

import { displayText } from '../displayText';
import { queryTypes, VllmQuery } from '../queryTypes';
import { queryOf, questions } from '../questions';
import { kindWords } from './kinds';

/** Questions of somebody on call, by kind; a click asks one in the row that the help was opened from. */
export function QueryHelp({ query, onClickExample }: QueryEditorHelpProps<VllmQuery>) {
  const styles = useStyles2(getStyles);
  const words = kindWords();
  const offered = questions();
  const ask = (chosen: Partial<VllmQuery>) =>
    onClickExample({ refId: query.refId, datasource: query.datasource, hide: query.hide, ...chosen });
  return (
    <div className={styles.kinds}>
      {queryTypes
        .filter((type) => offered.some(({ queryType }) => queryType === type))
        .map((type) => (
          <section key={type} aria-labelledby={`vllm-help-${type}`}>
            <Text element="h3" variant="h5">
              <span id={`vllm-help-${type}`}>{words[type].label}</span>
            </Text>
            <p className={styles.description}>{words[type].description}</p>
            {offered
              .filter(({ queryType }) => queryType === type)
              .map((question) => {
                const chosen = queryOf(question);
                return (
                  <button key={question.title} type="button" className={styles.example} onClick={() => ask(chosen)}>
                    {question.title}
                    <code className={styles.code}>{displayText({ refId: query.refId, ...chosen })}</code>
                  </button>
                );
              })}
          </section>
        ))}
      <p className={styles.note}>
        {t(
          'help.values',
          'Durations are written 500ms, 2s or 1m30s, ratios 90% or 0.9, times 2026-01-31T12:00:00Z. A pattern (=~) has to match the whole text.'
        )}
      </p>
    </div>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  kinds: css({
    display: 'grid',
    gridTemplateColumns: 'repeat(auto-fill, minmax(min(100%, 320px), 1fr))',
    gap: theme.spacing(2, 3),
  }),
  description: css({
    margin: theme.spacing(0, 0, 1, 0),
    color: theme.colors.text.secondary,
    fontSize: theme.typography.bodySmall.fontSize,
  }),
  example: css({
    display: 'block',
    width: '100%',
    marginBottom: theme.spacing(1),
    padding: theme.spacing(1),
    background: theme.colors.background.secondary,
    border: `1px solid ${theme.colors.border.weak}`,
    borderRadius: theme.shape.radius.default,
    textAlign: 'left',
    '&:hover': { background: theme.colors.emphasize(theme.colors.background.secondary, 0.03) },
    '&:focus-visible': { outline: `2px solid ${theme.colors.primary.main}`, outlineOffset: '1px' },
  }),
  code: css({
    display: 'block',
    marginTop: theme.spacing(0.5),
    padding: 0,
    background: 'none',
    border: 'none',
    color: theme.colors.text.secondary,
    fontSize: theme.typography.bodySmall.fontSize,
    whiteSpace: 'normal',
    overflowWrap: 'anywhere',
  }),
  note: css({ gridColumn: '1 / -1', margin: 0, color: theme.colors.text.secondary }),
});
