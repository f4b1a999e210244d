import React from 'react';
import { DataQueryRequest, dateTime, TimeRange } from '@grafana/data';
import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { lastValueFrom } from 'rxjs';

import { VariableQueryEditor } from './components/VariableQueryEditor';
import { fakeLists, fakeTemplateSrv } from './testing/fakes';
import { VariableQuery } from './variableQuery';
import { VllmVariableSupport } from './variables';

jest.mock('@grafana/runtime', () => ({
  ...jest.requireActual('@grafana/runtime'),
  getTemplateSrv: () => fakeTemplateSrv({}),
}));

const range = { from: dateTime(1000), to: dateTime(2000) } as TimeRange;

describe('a variable', () => {
  const lists = fakeLists({ values: ['llama', 'qwen'] });
  const values = jest.spyOn(lists, 'values');
  const labels = jest.spyOn(lists, 'labelNames');
  const labelValues = jest.spyOn(lists, 'labelValues');
  const support = new VllmVariableSupport(lists, lists);

  const ask = (query: Partial<VariableQuery>) =>
    lastValueFrom(
      support.query({
        targets: [{ refId: 'A', ...query }],
        range,
        scopedVars: {},
      } as DataQueryRequest<VariableQuery>)
    );

  test('lists what a resource lists', async () => {
    const scope = { environments: ['prod'] };
    expect(await ask({ list: 'pods', scope })).toEqual({
      data: [
        { text: 'llama', value: 'llama' },
        { text: 'qwen', value: 'qwen' },
      ],
    });
    expect(values).toHaveBeenLastCalledWith('pods', { range, scope, scopedVars: {} });
  });

  test('lists models when nothing was chosen yet', async () => {
    await ask({});
    expect(values).toHaveBeenLastCalledWith('models', { range, scope: undefined, scopedVars: {} });
    expect(support.getDefaultQuery()).toEqual({ list: 'models' });
  });

  test('lists what a variable of the Prometheus data source lists', async () => {
    await ask({ query: 'label_values(up{job="vllm"}, instance)' } as Partial<VariableQuery>);
    expect(labelValues).toHaveBeenLastCalledWith('instance', { metric: 'up', match: ['job=vllm'] }, { range });
    await expect(ask({ query: 'query_result(up)' } as Partial<VariableQuery>)).rejects.toThrow('query_result(up)');
  });

  test('lists labels and their values', async () => {
    await ask({ list: 'labels' });
    expect(labels).toHaveBeenCalledWith(undefined, { range });
    await ask({ list: 'labelValues', label: 'gpu' });
    expect(labelValues).toHaveBeenLastCalledWith('gpu', {}, { range, scope: undefined, scopedVars: {} });
    labelValues.mockClear();
    expect(await ask({ list: 'labelValues' })).toEqual({ data: [] });
    expect(labelValues).not.toHaveBeenCalled();
  });
});

test('the editor of a variable asks for a label only where one is needed', async () => {
  const user = userEvent.setup();
  const onChange = jest.fn();
  const editor = (list?: VariableQuery['list']) => (
    <VariableQueryEditor lists={fakeLists()} query={{ refId: 'A', list: list ?? 'models' }} onChange={onChange} />
  );
  const { rerender } = render(editor());
  expect(screen.queryByLabelText('Label')).not.toBeInTheDocument();
  await user.click(screen.getByLabelText('List'));
  await user.paste('Label values');
  await user.click(await screen.findByRole('option', { name: 'Label values' }));
  expect(onChange).toHaveBeenCalledWith(expect.objectContaining({ list: 'labelValues', refId: expect.any(String) }));
  rerender(editor('labelValues'));
  expect(screen.getByLabelText('Label')).toBeInTheDocument();
});
