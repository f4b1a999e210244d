import { AdHocVariableFilter, toDataFrame } from '@grafana/data';

import { VllmQuery } from '../queryTypes';
import { applyFilters, withRefusals } from './adhoc';

const query = (part: Partial<VllmQuery>): VllmQuery => ({ refId: 'A', ...part });
const apply = (part: Partial<VllmQuery>, ...filters: AdHocVariableFilter[]) => applyFilters(query(part), filters, {});

test("a dashboard's filters narrow what they can, all of them at once", () => {
  const { query: filtered, refused } = apply(
    { queryType: 'requests' },
    { key: 'model', operator: '=|', value: 'a', values: ['a', 'b'] },
    { key: 'model', operator: '!=', value: 'b' },
    { key: 'ttft', operator: '>=', value: '1s' },
    { key: 'status', operator: '!=|', value: 'ok', values: ['ok', 'aborted'] },
    { key: 'pod', operator: '=~', value: 'llama-.*' }
  );
  expect(refused).toEqual([]);
  expect(filtered).toEqual(
    query({
      queryType: 'requests',
      scope: {
        models: ['a', 'b'],
        where: [
          { key: 'model', op: '!=', values: ['b'] },
          { key: 'pod', op: '=~', values: ['llama-.*'] },
        ],
      },
      requests: {
        filters: [
          { column: 'ttft', op: '>=', value: '1s' },
          { column: 'status', op: '!=', values: ['ok', 'aborted'] },
        ],
      },
    })
  );
});

test('what a kind cannot follow is refused, and the rest holds', () => {
  const late = { key: 'ttft', operator: '>', value: '1' };
  const { query: filtered, refused } = apply({ queryType: 'models' }, late, {
    key: 'model',
    operator: '=',
    value: 'a',
  });
  expect(filtered.scope).toEqual({ models: ['a'] });
  expect(refused).toEqual([late]);
});

test('PromQL takes places under the names that the store has for them', () => {
  const { query: filtered, refused } = apply(
    { queryType: 'promql', promql: { expr: 'rate(a[$__rate_interval])', legend: 'x' } },
    { key: 'model', operator: '=', value: 'm' },
    { key: 'container', operator: '!=|', value: 'a', values: ['a', 'b'] },
    { key: 'ttft', operator: '<', value: '1' }
  );
  expect(filtered.promql).toEqual({ expr: 'rate(a{model_name="m",container!~"a|b"}[$__rate_interval])', legend: 'x' });
  expect(refused.map(({ key }) => key)).toEqual(['ttft']);
});

test('a filter without a value filters nothing yet', () => {
  const unfinished = { key: 'model', operator: '=', value: '' };
  expect(apply({ queryType: 'requests' }, unfinished)).toEqual({
    query: query({ queryType: 'requests' }),
    refused: [],
  });
});

test('an answer says, once, what it does not follow', () => {
  const frames = ['A', 'A', 'B'].map((refId) => toDataFrame({ refId, fields: [] }));
  const { data } = withRefusals({ data: frames }, (refId) =>
    refId === 'A' ? [{ key: 'ttft', operator: '>', value: '1' }] : []
  );
  const notices = data.map(({ meta }) => meta?.notices);
  expect(notices).toEqual([
    [{ severity: 'warning', text: 'Not filtered by ttft > 1: this kind of query cannot be.' }],
    undefined,
    undefined,
  ]);
});
