import React, { ReactNode, useState } from 'react';
import { css } from '@emotion/css';
import { GrafanaTheme2 } from '@grafana/data';
import { t } from '@grafana/i18n';
import { Icon, Stack, useStyles2 } from '@grafana/ui';

interface Props {
  id: string;
  /** What is set, in a few words each: shown while the group is closed. */
  summary: string[];
  children: ReactNode;
}

/** What is seldom changed: one line that says how it is set, and the fields behind it. */
export function OptionsGroup({ id, summary, children }: Props) {
  const [open, setOpen] = useState(false);
  const styles = useStyles2(getStyles);
  return (
    <div>
      <button
        type="button"
        className={styles.title}
        aria-expanded={open}
        aria-controls={`${id}-options`}
        onClick={() => setOpen(!open)}
      >
        <Icon name={open ? 'angle-down' : 'angle-right'} />
        <span className={styles.name}>{t('options.title', 'Options')}</span>
        {!open && summary.map((text) => <span key={text}>{text}</span>)}
      </button>
      <div id={`${id}-options`} hidden={!open}>
        {open && (
          <div className={styles.body}>
            <Stack gap={1} wrap="wrap">
              {children}
            </Stack>
          </div>
        )}
      </div>
    </div>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  title: css({
    display: 'flex',
    flexWrap: 'wrap',
    alignItems: 'center',
    gap: theme.spacing(0.5, 2),
    minHeight: theme.spacing(theme.components.height.sm),
    padding: theme.spacing(0, 1, 0, 0),
    background: 'none',
    border: 'none',
    borderRadius: theme.shape.radius.default,
    color: theme.colors.text.secondary,
    fontSize: theme.typography.bodySmall.fontSize,
    textAlign: 'left',
    '&:hover': { color: theme.colors.text.primary },
    '&:focus-visible': { outline: `2px solid ${theme.colors.primary.main}`, outlineOffset: '1px' },
  }),
  name: css({
    marginLeft: theme.spacing(-1.5),
    color: theme.colors.text.primary,
    fontWeight: theme.typography.fontWeightMedium,
  }),
  body: css({ padding: theme.spacing(1, 0, 0, 2.5) }),
});
