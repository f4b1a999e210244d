import { CoreApp } from '@grafana/data';
import { screen, waitFor } from '@testing-library/react';

import { fakeTemplateSrv } from '../testing/fakes';
import { queryTypes } from '../queryTypes';
import { choose, lastQuery, onRunQuery, show, type, user } from '../testing/queryEditorPage';

jest.mock('@grafana/runtime', () => ({
  ...jest.requireActual('@grafana/runtime'),
  getTemplateSrv: () => fakeTemplateSrv({ model: ['llama'] }),
}));

test('a kind is chosen, and its own fields appear', async () => {
  await show({ queryType: 'requests' });
  await choose('Show', /^Models/);
  expect(lastQuery()).toEqual({ refId: 'A', version: 1, queryType: 'models', models: { form: 'table' } });
  expect(onRunQuery).toHaveBeenCalledTimes(1);
  expect(screen.getByLabelText('Figures')).toBeInTheDocument();
  expect(screen.queryByLabelText('Sort by')).not.toBeInTheDocument();
});

test('events are chosen by name, and none means all', async () => {
  await show({ queryType: 'annotations' });
  expect(screen.getByLabelText('Events')).toHaveAttribute('placeholder', 'all');
  await choose('Events', /^engine_death/, 'engine_death');
  expect(lastQuery().annotations).toEqual({ events: ['engine_death'] });
  await type('Limit', '50');
  expect(lastQuery().annotations).toEqual({ events: ['engine_death'], limit: 50 });
  expect(screen.getByLabelText('Narrow by')).toBeInTheDocument();
});

test('going back to a kind finds what was asked there', async () => {
  await show({ queryType: 'request', request: { id: 'cmpl-1' } });
  await choose('Show', /^Logs/);
  await choose('Show', /^Request Everything/);
  expect(screen.getByLabelText('Id')).toHaveValue('cmpl-1');
});

test.each(queryTypes)('every field of the kind %s has a label', async (queryType) => {
  const { container } = await show({ queryType, requests: { filters: [{ column: 'ttft', op: '>', value: '1s' }] } });
  await waitFor(() => expect(container.querySelector('.cm-content') !== null).toBe(queryType === 'promql'));
  for (const input of container.querySelectorAll('input, textarea, [contenteditable]')) {
    expect(input).toHaveAccessibleName();
  }
});

describe('in an alert rule', () => {
  test('only kinds that give numbers are offered', async () => {
    await show({ queryType: 'models' }, CoreApp.UnifiedAlerting);
    await user.click(screen.getByLabelText('Show'));
    const offered = (await screen.findAllByRole('option')).map((option) => option.textContent);
    expect(offered).toEqual([
      expect.stringMatching(/^Requests/),
      expect.stringMatching(/^Models/),
      expect.stringMatching(/^SLO/),
      expect.stringMatching(/^Coverage/),
      expect.stringMatching(/^PromQL/),
    ]);
  });

  test('a query that gives rows is called that, with the way out', async () => {
    await show({ queryType: 'logs' }, CoreApp.UnifiedAlerting);
    expect(screen.getByRole('alert')).toHaveTextContent('An alert rule compares numbers, and this query gives rows');
    expect(screen.queryByLabelText('Sort by')).not.toBeInTheDocument();
    await user.click(screen.getByRole('button', { name: 'Use models' }));
    expect(lastQuery()).toMatchObject({
      queryType: 'models',
      models: { metrics: ['ttft'], quantiles: [0.99], groupBy: ['model'], form: 'numeric' },
    });
    expect(screen.queryByRole('alert')).not.toBeInTheDocument();
  });

  test('a query with several figures says that one is compared', async () => {
    await show({ queryType: 'models', models: { metrics: ['ttft', 'e2e'] } }, CoreApp.UnifiedAlerting);
    expect(screen.getByText('One number is compared: choose one figure')).toBeInTheDocument();
  });

  test('one figure and one quantile are compared', async () => {
    await show({ queryType: 'models' }, CoreApp.UnifiedAlerting);
    expect(screen.queryByLabelText('Table')).not.toBeInTheDocument();
    await choose('Figures', /^e2e end-to-end/, 'e2e');
    expect(lastQuery().models).toMatchObject({ metrics: ['e2e'], quantiles: [0.99], form: 'numeric' });
    await choose('Figures', /^running/, 'running');
    expect(lastQuery().models).toMatchObject({ metrics: ['running'] });
    expect(lastQuery().models?.quantiles).toBeUndefined();
  });
});

describe('models', () => {
  test('are shown in another form', async () => {
    await show({ queryType: 'models' });
    await user.click(screen.getByLabelText('Time series'));
    expect(lastQuery().models).toEqual({ form: 'timeseries' });
    await user.click(screen.getByLabelText('Number'));
    expect(lastQuery().models).toEqual({ form: 'numeric', metrics: ['ttft'], quantiles: [0.99] });
  });

  test('have quantiles only where a figure has them', async () => {
    await show({ queryType: 'models', models: { metrics: ['running'] } });
    expect(screen.queryByLabelText('Quantiles')).not.toBeInTheDocument();
  });
});

describe('how limits were kept', () => {
  test('is asked by figure, place and target', async () => {
    await show({ queryType: 'slo' });
    await choose('Figures', /^goodput requests that kept/, 'goodput');
    await user.keyboard('{Escape}');
    await type('Target', '99.9 %');
    expect(lastQuery().slo).toEqual({ form: 'table', metrics: ['goodput'], target: 0.999 });
  });

  test('becomes one number, of one figure', async () => {
    await show({ queryType: 'slo', slo: { metrics: ['burn_rate', 'goodput'] } });
    await user.click(screen.getByLabelText('Number', { selector: 'input[type=radio]' }));
    expect(lastQuery().slo).toEqual({ form: 'numeric', metrics: ['burn_rate'] });
  });
});

test('coverage becomes one number, and that needs a name', async () => {
  await show({ queryType: 'coverage' });
  await user.click(screen.getByLabelText('Number', { selector: 'input[type=radio]' }));
  expect(lastQuery().coverage).toEqual({ form: 'numeric', metric: 'explained_ratio' });
});
