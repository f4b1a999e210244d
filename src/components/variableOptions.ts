import { t } from '@grafana/i18n';
import { getTemplateSrv } from '@grafana/runtime';
import { ComboboxOption } from '@grafana/ui';

/** The dashboard's variables, to be chosen like values. */
export function variableOptions(): ComboboxOption[] {
  return getTemplateSrv()
    .getVariables()
    .map(({ name }) => ({ value: `$${name}`, label: `$${name}`, description: t('scope.variable', 'variable') }));
}
