import { AppEvents, QueryFixAction, ToggleFilterAction } from '@grafana/data';
import { t } from '@grafana/i18n';
import { getAppEvents } from '@grafana/runtime';

import { VllmQuery } from '../queryTypes';
import { hasFilter, toggleFilter } from './keyFilters';

/** Explore's way to change a query by a click in an answer: sets a filter, and leaves one that is there. */
export function modifyQuery(query: VllmQuery, { type, options = {} }: QueryFixAction): VllmQuery {
  const { key = '', value = '' } = options;
  switch (type) {
    case 'ADD_FILTER':
      return hasFilter(query, key, '=', value) ? query : toggled(query, key, '=', value);
    case 'ADD_FILTER_OUT':
      return hasFilter(query, key, '!=', value) ? query : toggled(query, key, '!=', value);
    case 'ADD_STRING_FILTER':
      return query.queryType === 'logs' ? { ...query, logs: { ...query.logs, contains: value } } : query;
    default:
      return query;
  }
}

/** The same from the details of a log line, where a second click takes the filter away. */
export function toggleQueryFilter(query: VllmQuery, { type, options }: ToggleFilterAction): VllmQuery {
  return toggled(query, options.key, type === 'FILTER_FOR' ? '=' : '!=', options.value);
}

function toggled(query: VllmQuery, key: string, op: '=' | '!=', value: string): VllmQuery {
  const changed = toggleFilter(query, key, op, value);
  if (!changed) {
    const text = t('filters.no-click', 'This query cannot be filtered by {{key}} {{op}} {{value}}', {
      key,
      op,
      value,
      interpolation: { escapeValue: false },
    });
    getAppEvents().publish({ type: AppEvents.alertWarning.name, payload: [text] });
  }
  return changed ?? query;
}
