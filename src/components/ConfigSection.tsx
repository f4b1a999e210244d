import React, { ReactNode, useState } from 'react';
import { css, cx } from '@emotion/css';
import { GrafanaTheme2 } from '@grafana/data';
import { t } from '@grafana/i18n';
import { CollapsableSection, Text, useStyles2 } from '@grafana/ui';

interface Props {
  title: string;
  description?: string;
  /** Of a part of a section: that section's title, without which "TLS" could be anybody's. */
  parent?: string;
  /** What is inside, for whoever looks for a setting while the section is folded. */
  contents?: string;
  initiallyOpen: boolean;
  children: ReactNode;
}

/** One foldable section of the settings, or a part of one. */
export function ConfigSection({ title, description, parent, contents, initiallyOpen, children }: Props) {
  const [open, setOpen] = useState(initiallyOpen);
  const styles = useStyles2(getStyles);
  const name = parent ? t('config.part', '{{section}}: {{part}}', { section: parent, part: title }) : title;
  const label = (
    <div className={styles.label}>
      <Text element={parent ? 'h3' : 'h2'} variant={parent ? 'body' : 'h4'} weight="medium">
        {parent && <span className="sr-only">{t('config.part-of', '{{section}}:', { section: parent })} </span>}
        {title}
      </Text>
      {contents && (
        <span aria-hidden>
          <Text color="secondary" variant="bodySmall">
            {contents}
          </Text>
        </span>
      )}
    </div>
  );
  return (
    <section className={cx(styles.section, parent && styles.part)} aria-label={name}>
      <CollapsableSection label={label} isOpen={open} onToggle={setOpen} unmountContentWhenClosed>
        {description && (
          <div className={styles.description}>
            <Text color="secondary">{description}</Text>
          </div>
        )}
        {children}
      </CollapsableSection>
    </section>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  section: css({
    borderTop: `1px solid ${theme.colors.border.weak}`,
    padding: theme.spacing(1, 0),
    maxWidth: 900,
  }),
  part: css({
    borderTop: 'none',
    borderLeft: `2px solid ${theme.colors.border.weak}`,
    padding: theme.spacing(0, 0, 0, 1.5),
  }),
  label: css({ display: 'flex', flexWrap: 'wrap', alignItems: 'baseline', columnGap: theme.spacing(1.5) }),
  description: css({ marginBottom: theme.spacing(2) }),
});
