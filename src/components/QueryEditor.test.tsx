import React, { ComponentProps, useState } from 'react';
import { CoreApp } from '@grafana/data';
import { CodeEditor } from '@grafana/ui';
import { render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';

import { fakeDataSource, fakeTemplateSrv } from '../fakes';
import { queryTypes, VllmQuery } from '../queryTypes';
import { QueryEditor } from './QueryEditor';

jest.mock('@grafana/runtime', () => ({
  ...jest.requireActual('@grafana/runtime'),
  getTemplateSrv: () => fakeTemplateSrv({ model: ['llama'] }),
}));

jest.mock('@grafana/ui', () => ({
  ...jest.requireActual('@grafana/ui'),
  CodeEditor: ({ value, onBlur, monacoOptions }: ComponentProps<typeof CodeEditor>) => (
    <textarea
      aria-label={monacoOptions?.ariaLabel ?? undefined}
      defaultValue={value}
      onBlur={(event) => onBlur?.(event.currentTarget.value)}
    />
  ),
}));

const onChange = jest.fn();
const onRunQuery = jest.fn();
const user = userEvent.setup();

beforeEach(() => jest.clearAllMocks());

/** Shows the editor as a page does: what it says comes back as its query. */
function show(part: Partial<VllmQuery>, app = CoreApp.Explore) {
  function Page() {
    const [query, setQuery] = useState<VllmQuery>({ refId: 'A', version: 1, ...part });
    return (
      <QueryEditor
        datasource={fakeDataSource(['llama', 'qwen'])}
        query={query}
        onChange={(changed) => {
          onChange(changed);
          setQuery(changed);
        }}
        onRunQuery={onRunQuery}
        app={app}
      />
    );
  }
  return render(<Page />);
}

/** Opens a menu, searches in it when it is long, and takes an option. */
async function choose(field: string, option: RegExp | string, search = '') {
  await user.click(screen.getByLabelText(field, { selector: 'input' }));
  await user.paste(search);
  await user.click(await screen.findByRole('option', { name: option }));
}

async function type(field: string, text: string) {
  await user.clear(screen.getByLabelText(field));
  await user.paste(text);
  await user.keyboard('{Enter}');
}

function lastQuery(): VllmQuery {
  return onChange.mock.lastCall[0];
}

test('a kind is chosen, and its own fields appear', async () => {
  show({ queryType: 'requests' });
  await choose('Show', /^Models/);
  expect(lastQuery()).toEqual({ refId: 'A', version: 1, queryType: 'models', models: { form: 'table' } });
  expect(onRunQuery).toHaveBeenCalledTimes(1);
  expect(screen.getByLabelText('Figures')).toBeInTheDocument();
  expect(screen.queryByLabelText('Sort by')).not.toBeInTheDocument();
});

test('events are chosen by name, and none means all', async () => {
  show({ queryType: 'annotations' });
  expect(screen.getByLabelText('Events')).toHaveAttribute('placeholder', 'all');
  await choose('Events', /^engine_death/, 'engine_death');
  expect(lastQuery().annotations).toEqual({ events: ['engine_death'] });
  await type('Limit', '50');
  expect(lastQuery().annotations).toEqual({ events: ['engine_death'], limit: 50 });
  expect(screen.getByLabelText('Narrow by')).toBeInTheDocument();
});

test('going back to a kind finds what was asked there', async () => {
  show({ queryType: 'request', request: { id: 'cmpl-1' } });
  await choose('Show', /^Logs/);
  await choose('Show', /^Request Everything/);
  expect(screen.getByLabelText('Id')).toHaveValue('cmpl-1');
});

test.each(queryTypes)('every field of the kind %s has a label', (queryType) => {
  const { container } = show({ queryType, requests: { filters: [{ column: 'ttft', op: '>', value: '1s' }] } });
  for (const input of container.querySelectorAll('input, textarea')) {
    expect(input).toHaveAccessibleName();
  }
});

describe('in an alert rule', () => {
  test('only kinds that give numbers are offered', async () => {
    show({ queryType: 'models' }, CoreApp.UnifiedAlerting);
    await user.click(screen.getByLabelText('Show'));
    const offered = (await screen.findAllByRole('option')).map((option) => option.textContent);
    expect(offered).toEqual([
      expect.stringMatching(/^Models/),
      expect.stringMatching(/^Coverage/),
      expect.stringMatching(/^PromQL/),
    ]);
  });

  test('a query that gives rows is called that', () => {
    show({ queryType: 'requests' }, CoreApp.UnifiedAlerting);
    expect(screen.getByRole('alert')).toHaveTextContent('An alert rule compares numbers');
    expect(screen.queryByLabelText('Sort by')).not.toBeInTheDocument();
  });

  test('one figure and one quantile are compared', async () => {
    show({ queryType: 'models' }, CoreApp.UnifiedAlerting);
    expect(screen.queryByLabelText('Table')).not.toBeInTheDocument();
    await choose('Figures', /^e2e end-to-end/, 'e2e');
    expect(lastQuery().models).toMatchObject({ metrics: ['e2e'], quantiles: [0.99], form: 'numeric' });
    await choose('Figures', /^running/, 'running');
    expect(lastQuery().models).toMatchObject({ metrics: ['running'] });
    expect(lastQuery().models?.quantiles).toBeUndefined();
  });
});

describe('requests', () => {
  test('are filtered, and a value that cannot be read is called that', async () => {
    show({ queryType: 'requests' });
    await user.click(screen.getByRole('button', { name: 'Filter' }));
    expect(lastQuery().requests?.filters).toEqual([{ column: 'status', op: '!=', value: 'ok' }]);
    await choose('Where', /^ttft/, 'ttft');
    expect(lastQuery().requests?.filters).toEqual([{ column: 'ttft', op: '>', value: '' }]);
    await type('Value', 'soon');
    expect(screen.getByText('A duration such as 500ms or 2s')).toBeInTheDocument();
    await type('Value', '500ms');
    expect(screen.queryByText('A duration such as 500ms or 2s')).not.toBeInTheDocument();
    expect(lastQuery().requests?.filters).toEqual([{ column: 'ttft', op: '>', value: '500ms' }]);
    await user.click(screen.getByRole('button', { name: 'Remove filter' }));
    expect(lastQuery().requests?.filters).toBeUndefined();
  });

  test('are compared as their column allows', async () => {
    show({ queryType: 'requests', requests: { filters: [{ column: 'model', op: '=', value: 'x' }] } });
    await user.click(screen.getByLabelText('Comparison', { selector: 'input' }));
    const offered = (await screen.findAllByRole('option')).map((option) => option.textContent);
    expect(offered).toEqual(['=', '!=', '=~', '!~', 'is not known', 'is known']);
  });

  test('are sorted', async () => {
    show({ queryType: 'requests' });
    await choose('Sort by', /^e2e/, 'e2e');
    expect(lastQuery().requests?.sort).toEqual({ column: 'e2e', desc: true });
    await user.click(screen.getByLabelText('Smallest first'));
    expect(lastQuery().requests?.sort).toEqual({ column: 'e2e', desc: false });
  });

  test('are limited when the field is left, not while it is typed', async () => {
    show({ queryType: 'requests' });
    await user.type(screen.getByLabelText('Limit'), '250');
    expect(onChange).not.toHaveBeenCalled();
    await user.tab();
    expect(lastQuery().requests?.limit).toBe(250);
    await user.clear(screen.getByLabelText('Limit'));
    await user.tab();
    expect(lastQuery().requests?.limit).toBeUndefined();
  });

  test('are narrowed to live values and to variables', async () => {
    show({ queryType: 'requests' });
    await choose('Models', 'qwen');
    expect(lastQuery().scope).toEqual({ models: ['qwen'] });
    await user.click(await screen.findByRole('option', { name: /\$model/ }));
    expect(lastQuery().scope).toEqual({ models: ['qwen', '$model'] });
  });

  test('are narrowed by other places when asked for', async () => {
    show({ queryType: 'requests' });
    expect(screen.queryByLabelText('Pods')).not.toBeInTheDocument();
    await choose('Narrow by', 'Pods');
    expect(screen.getByLabelText('Pods')).toBeInTheDocument();
  });
});

test('a request is found by its id', async () => {
  show({ queryType: 'request' });
  await type('Id', ' chatcmpl-7 ');
  expect(lastQuery()).toMatchObject({ queryType: 'request', request: { id: 'chatcmpl-7' } });
});

test('a trace id that is none is called that', async () => {
  show({ queryType: 'trace' });
  await type('Trace id', 'chatcmpl-7');
  expect(screen.getByText(/up to 32 hexadecimal digits/)).toBeInTheDocument();
  await type('Trace id', 'ab12');
  expect(screen.queryByText(/up to 32 hexadecimal digits/)).not.toBeInTheDocument();
  expect(lastQuery().trace).toEqual({ traceId: 'ab12' });
});

describe('models', () => {
  test('are shown in another form', async () => {
    show({ queryType: 'models' });
    await user.click(screen.getByLabelText('Time series'));
    expect(lastQuery().models).toEqual({ form: 'timeseries' });
    await user.click(screen.getByLabelText('Number'));
    expect(lastQuery().models).toEqual({ form: 'numeric', metrics: ['ttft'], quantiles: [0.99] });
  });

  test('have quantiles only where a figure has them', () => {
    show({ queryType: 'models', models: { metrics: ['running'] } });
    expect(screen.queryByLabelText('Quantiles')).not.toBeInTheDocument();
  });
});

test('logs are searched', async () => {
  show({ queryType: 'logs' });
  await choose('Levels', 'error');
  await user.keyboard('{Escape}');
  await type('Contains', 'out of memory');
  await user.click(screen.getByLabelText('Oldest first'));
  expect(lastQuery().logs).toEqual({ levels: ['error'], contains: 'out of memory', oldest: true });
  await user.click(screen.getByLabelText('Volume'));
  expect(lastQuery().logs).toMatchObject({ volume: true });
  expect(screen.queryByLabelText('Limit')).not.toBeInTheDocument();
});

test('coverage becomes one number, and that needs a name', async () => {
  show({ queryType: 'coverage' });
  await user.click(screen.getByLabelText('Number', { selector: 'input[type=radio]' }));
  expect(lastQuery().coverage).toEqual({ form: 'numeric', metric: 'explained_ratio' });
});

test('PromQL is sent when the editor is left', async () => {
  show({ queryType: 'promql' });
  await user.type(screen.getByLabelText('PromQL expression'), 'up == 0');
  expect(onChange).not.toHaveBeenCalled();
  await user.tab();
  expect(lastQuery().promql).toEqual({ expr: 'up == 0' });
  await user.click(screen.getByLabelText('Instant'));
  expect(lastQuery().promql).toEqual({ expr: 'up == 0', instant: true });
  expect(within(document.body).queryByLabelText('Min step')).not.toBeInTheDocument();
});
