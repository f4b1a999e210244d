import { t } from '@grafana/i18n';

import { Column, coverageMetrics, engineEvents, figures, sloFigures } from './queryTypes';

/** The descriptions that Go gives what a query can name, in the user's language. tools/i18n/extract.cjs knows these keys. */

export const describeFigure = ({ name, help }: (typeof figures)[number]) => t(`figure.${name}`, help);

export const describeSloFigure = ({ name, help }: (typeof sloFigures)[number]) => t(`slo-figure.${name}`, help);

export const describeColumn = ({ name, description }: Column) => t(`column.${name}`, description);

export const describeCoverage = ({ name, description }: (typeof coverageMetrics)[number]) =>
  t(`coverage-metric.${name}`, description);

export const describeEvent = ({ name, description }: (typeof engineEvents)[number]) => t(`event.${name}`, description);
