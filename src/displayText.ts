import { defaults, Filter, Order, scopeLists, takesValue, VllmQuery } from './queryTypes';

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
      return `models: ${models?.metrics?.join(', ') || 'all figures'} by ${models?.groupBy?.join(', ') || 'model'}`;
    case 'slo':
      return `slo: ${slo?.metrics?.join(', ') || 'all figures'} by ${slo?.groupBy?.join(', ') || 'model'}`;
    case 'logs':
      return ['logs', ...(logs?.levels ?? []), logs?.requestId, quoted(logs?.contains), slashed(logs?.regex)]
        .filter(Boolean)
        .join(' ');
    case 'trace':
      return `trace ${trace?.traceId ?? ''}`;
    case 'annotations':
      return `events: ${annotations?.events?.join(', ') || 'all'}`;
    case 'coverage':
      return `coverage: ${coverage?.metric || 'all'}`;
    case 'promql':
      return promql?.expr ?? '';
    default:
      return ['requests', requests?.filters?.map(filterText).join(' and '), orderText(requests?.sort)]
        .filter(Boolean)
        .join(' ');
  }
}

function filterText({ column, op, value, values }: Filter): string {
  return takesValue(op) ? `${column} ${op} ${values?.join(', ') ?? value ?? ''}` : `${column} is ${op}`;
}

function orderText(sort: Order | undefined): string {
  const { column, desc } = sort?.column ? sort : defaults.sort;
  return `by ${column} ${desc ? '↓' : '↑'}`;
}

function quoted(text: string | undefined): string | undefined {
  return text && `"${text}"`;
}

function slashed(text: string | undefined): string | undefined {
  return text && `/${text}/`;
}
