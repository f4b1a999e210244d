import React, { ReactNode, useState } from 'react';
import { css } from '@emotion/css';
import { GrafanaTheme2 } from '@grafana/data';
import { CollapsableSection, Text, useStyles2 } from '@grafana/ui';

interface Props {
  title: string;
  description?: string;
  initiallyOpen: boolean;
  children: ReactNode;
}

/** One foldable part of the settings. */
export function ConfigSection({ title, description, initiallyOpen, children }: Props) {
  const [open, setOpen] = useState(initiallyOpen);
  const styles = useStyles2(getStyles);
  return (
    <section className={styles.section} aria-label={title}>
      <CollapsableSection label={title} isOpen={open} onToggle={setOpen} unmountContentWhenClosed>
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
  description: css({ marginBottom: theme.spacing(2) }),
});
