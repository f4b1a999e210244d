import { displayText } from './displayText';
import { VllmQuery } from './queryTypes';

test.each<[string, Partial<VllmQuery>]>([
  ['requests by e2e ↓', {}],
  ['requests by time ↓', { queryType: 'requests', requests: { sort: { column: 'time', desc: true } } }],
  [
    'requests e2e > 2s and error is not null by ttft ↓ · llama, prod',
    {
      queryType: 'requests',
      requests: {
        filters: [
          { column: 'e2e', op: '>', value: '2s' },
          { column: 'error', op: 'not null' },
        ],
        sort: { column: 'ttft', desc: true },
      },
      scope: { environments: ['prod'], models: ['llama'] },
    },
  ],
  ['request chatcmpl-1', { queryType: 'request', request: { id: 'chatcmpl-1' } }],
  ['models: all figures by model', { queryType: 'models', models: {} }],
  ['models: ttft by pod', { queryType: 'models', models: { metrics: ['ttft'], groupBy: ['pod'] } }],
  [
    'logs error "out of memory" /x+/',
    { queryType: 'logs', logs: { levels: ['error'], contains: 'out of memory', regex: 'x+' } },
  ],
  ['trace ab12', { queryType: 'trace', trace: { traceId: 'ab12' } }],
  ['events: all', { queryType: 'annotations', annotations: {} }],
  ['events: restart, sleep', { queryType: 'annotations', annotations: { events: ['restart', 'sleep'] } }],
  [
    'share of requests unaccounted > 1s by model',
    {
      queryType: 'requests',
      requests: { filters: [{ column: 'unaccounted', op: '>', value: '1s' }], form: 'numeric' },
    },
  ],
  ['slo: burn_rate by instance', { queryType: 'slo', slo: { metrics: ['burn_rate'], groupBy: ['instance'] } }],
  ['coverage: explained_ratio', { queryType: 'coverage', coverage: { metric: 'explained_ratio' } }],
  ['up == 0', { queryType: 'promql', promql: { expr: 'up == 0' } }],
])('%s', (text, query) => {
  expect(displayText({ refId: 'A', ...query })).toBe(text);
});
