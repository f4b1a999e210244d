import { t } from '@grafana/i18n';

import { defaults, Filter, isShare, Order, scopeLists, takesValue, VllmQuery } from './queryTypes';

/** One line that tells a query from another, for history and collapsed rows. */
export function displayText(query: VllmQuery): string {
  const text = words(query);
  const conditions = [...(query.scope?.where ?? []), ...((query.queryType === 'logs' && query.logs?.where) || [])];
  const scope = [
    ...scopeLists.flatMap((list) => query.scope?.[list] ?? []),
    ...conditions.map(({ key, op, values }) => `${key} ${op} ${values.join(', ')}`),
  ];
  return scope.length ? `${text} · ${scope.join(', ')}` : text;
}

function words({
  queryType,
  requests,
  request,
  models,
  slo,
  logs,
  trace,
  annotations,
  coverage,
  promql,
}: VllmQuery): string {
  switch (queryType) {
    case 'request':
      return `request ${request?.id ?? ''}`;
    case 'models':
      return figuresText(queryType, models);
    case 'slo':
      return figuresText(queryType, slo);
    case 'logs':
      return ['logs', ...(logs?.levels ?? []), logs?.requestId, quoted(logs?.contains), slashed(logs?.regex)]
        .filter(Boolean)
        .join(' ');
    case 'trace':
      return `trace ${trace?.traceId ?? ''}`;
    case 'annotations':
      return t('display.events', 'events: {{events}}', { events: annotations?.events?.join(', ') || all() });
    case 'coverage':
      return `coverage: ${coverage?.metric || all()}`;
    case 'promql':
      return promql?.expr ?? '';
    default:
      return [
        isShare(requests) ? t('display.share', 'share of requests') : 'requests',
        requests?.filters?.map(filterText).join(t('display.and', ' and ')),
        isShare(requests)
          ? t('display.groups', 'by {{groups}}', { groups: requests?.groupBy?.join(', ') || 'model' })
          : orderText(requests?.sort),
      ]
        .filter(Boolean)
        .join(' ');
  }
}

const all = () => t('display.all', 'all');

function figuresText(kind: string, spec: { metrics?: string[]; groupBy?: string[] } | undefined): string {
  const figures = spec?.metrics?.join(', ') || t('display.all-figures', 'all figures');
  const groups = spec?.groupBy?.join(', ') || 'model';
  return t('display.figures', '{{kind}}: {{figures}} by {{groups}}', { kind, figures, groups });
}

function filterText({ column, op, value, values }: Filter): string {
  return takesValue(op)
    ? `${column} ${op} ${values?.join(', ') ?? value ?? ''}`
    : t('display.null', '{{column}} is {{op}}', { column, op });
}

function orderText(sort: Order | undefined): string {
  const { column, desc } = sort?.column ? sort : defaults.sort;
  return t('display.order', 'by {{column}} {{direction}}', { column, direction: desc ? '↓' : '↑' });
}

function quoted(text: string | undefined): string | undefined {
  return text && `"${text}"`;
}

function slashed(text: string | undefined): string | undefined {
  return text && `/${text}/`;
}
