import React from 'react';
import { act, render, screen } from '@testing-library/react';

import { publishHealth } from '../health';
import { HealthReport } from './HealthReport';

const details = {
  stores: [
    { store: 'prometheus', configured: true, ok: true, found: 'Prometheus answers' },
    { store: 'loki', configured: true, ok: false, found: 'Loki answered 401', fix: 'check user and password' },
    { store: 'jaeger', configured: false, ok: false, found: 'Jaeger is not configured' },
  ],
  content: [{ check: 'vllm_metrics', ok: false, found: 'No metrics', fix: 'add a scrape job' }],
};

const publish = (uid: string, report: unknown) => act(() => publishHealth(uid, report));

beforeEach(() => {
  render(<HealthReport uid="mine" />);
});

test('what the test found is told line by line, with what to do', () => {
  publish('mine', details);
  expect(screen.getByRole('region', { name: 'What the test found' })).toBeInTheDocument();
  expect(screen.getAllByRole('listitem').map((line) => line.textContent)).toEqual([
    'OK: Prometheus answers',
    'Failed: Loki answered 401To do: check user and password',
    'Not configured: Jaeger is not configured',
    'Missing: No metricsTo do: add a scrape job',
  ]);
});

test.each<[string, string, unknown]>([
  ['before there was a test', 'another', details],
  ['when the settings were refused', 'mine', undefined],
  ['when no store is configured', 'mine', { ...details, stores: details.stores.slice(2) }],
  ['when the details are of something else', 'mine', { stores: 'three', content: [null, 7] }],
])('there is no report %s', (_, uid, report) => {
  publish(uid, report);
  expect(screen.queryByRole('region')).not.toBeInTheDocument();
});

test('a newer report takes the place of an older one', () => {
  publish('mine', details);
  publish('mine', { ...details, content: [] });
  expect(screen.getAllByRole('listitem')).toHaveLength(3);
  publish('mine', undefined);
  expect(screen.queryByRole('region')).not.toBeInTheDocument();
});
