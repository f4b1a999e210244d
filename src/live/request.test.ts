import { DataQueryRequest } from '@grafana/data';

import { VllmQuery } from '../queryTypes';
import { withLive } from './request';

const requests: VllmQuery = { refId: 'A', queryType: 'requests', requests: { limit: 5 } };
const live: VllmQuery = { refId: 'A', queryType: 'requests', requests: { limit: 5, live: true } };

test.each<[string, VllmQuery, { liveStreaming?: boolean; to: string }, VllmQuery]>([
  ['a query as usual stays as it is', requests, { to: 'now' }, requests],
  ['a query that says so is live', live, { to: 'now' }, live],
  ['not of the past', live, { to: 'now-1h' }, { ...live, requests: { limit: 5, live: false } }],
  ['in live mode every table of requests is', requests, { liveStreaming: true, to: 'now' }, live],
  ['whatever the range', requests, { liveStreaming: true, to: '2026-01-01' }, live],
  ['a new query, too', { refId: 'A' }, { liveStreaming: true, to: 'now' }, { refId: 'A', requests: { live: true } }],
  [
    'and log lines',
    { refId: 'A', queryType: 'logs', logs: { contains: 'x' } },
    { liveStreaming: true, to: 'now' },
    { refId: 'A', queryType: 'logs', logs: { contains: 'x', live: true } },
  ],
  [
    'other kinds answer once',
    { refId: 'A', queryType: 'models', models: {} },
    { liveStreaming: true, to: 'now' },
    { refId: 'A', queryType: 'models', models: {} },
  ],
])('%s', (_, query, { liveStreaming, to }, want) => {
  const request = { targets: [query], liveStreaming, range: { raw: { from: 'now-1h', to } } };
  expect(withLive(request as DataQueryRequest<VllmQuery>).targets).toEqual([want]);
});
