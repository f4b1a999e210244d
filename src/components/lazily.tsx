import React, { ComponentType, lazy, Suspense } from 'react';
import { t } from '@grafana/i18n';
import { ErrorBoundaryAlert, LoadingPlaceholder } from '@grafana/ui';

/**
 * A component that is loaded when it is first shown. If its chunk cannot be loaded, for example because the plugin was
 * updated since the page was opened, a message asks the user to reload the page.
 */
export function lazily<Props extends object>(load: () => Promise<ComponentType<Props>>): ComponentType<Props> {
  const Loaded = lazy(async () => ({ default: await load() })) as unknown as ComponentType<Props>;
  return function Lazily(props: Props) {
    return (
      <ErrorBoundaryAlert title={t('lazily.failed', 'This editor cannot be shown. Reload the page.')}>
        <Suspense fallback={<LoadingPlaceholder text={t('lazily.loading', 'Loading…')} />}>
          <Loaded {...props} />
        </Suspense>
      </ErrorBoundaryAlert>
    );
  };
}
