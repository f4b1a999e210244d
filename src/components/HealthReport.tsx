import React, { ComponentProps } from 'react';
import { css } from '@emotion/css';
import { GrafanaTheme2, IconName } from '@grafana/data';
import { t } from '@grafana/i18n';
import { Icon, Text, useStyles2 } from '@grafana/ui';

import { Finding, FindingState, useHealth } from '../health';

/** What the last Save & test found: every store, what it holds, and what brings what is missing. */
export function HealthReport({ uid }: { uid: string }) {
  const styles = useStyles2(getStyles);
  const report = useHealth(uid);
  if (!report) {
    return null;
  }
  const title = t('health.title', 'What the test found');
  return (
    <section className={styles.report} aria-label={title}>
      <Text element="h2" variant="h5">
        {title}
      </Text>
      <ul className={styles.list}>
        {[...report.stores, ...report.content].map((finding) => (
          <FindingLine key={finding.found} {...finding} />
        ))}
      </ul>
    </section>
  );
}

function FindingLine({ state, found, fix }: Finding) {
  const styles = useStyles2(getStyles);
  const { icon, color, label } = marks()[state];
  return (
    <li className={styles.line}>
      <Text color={color}>
        <Icon name={icon} aria-hidden />
        <span className="sr-only">{`${label}: `}</span>
      </Text>
      <div>
        <Text color={state === 'absent' ? 'secondary' : undefined}>{found}</Text>
        {fix && (
          <div className={styles.fix}>
            <Text color="secondary">
              {t('health.fix', 'To do:')} {fix}
            </Text>
          </div>
        )}
      </div>
    </li>
  );
}

function marks(): Record<FindingState, { icon: IconName; color: ComponentProps<typeof Text>['color']; label: string }> {
  return {
    ok: { icon: 'check-circle', color: 'success', label: t('health.ok', 'OK') },
    failed: { icon: 'times-circle', color: 'error', label: t('health.failed', 'Failed') },
    missing: { icon: 'exclamation-triangle', color: 'warning', label: t('health.missing', 'Missing') },
    absent: { icon: 'minus-circle', color: 'secondary', label: t('health.absent', 'Not configured') },
  };
}

const getStyles = (theme: GrafanaTheme2) => ({
  report: css({
    maxWidth: 900,
    marginTop: theme.spacing(2),
    padding: theme.spacing(2),
    border: `1px solid ${theme.colors.border.weak}`,
    borderRadius: theme.shape.radius.default,
  }),
  list: css({ listStyle: 'none', margin: theme.spacing(1, 0, 0) }),
  line: css({ display: 'flex', gap: theme.spacing(1), padding: theme.spacing(0.5, 0) }),
  fix: css({ overflowWrap: 'anywhere' }),
});
