import { CoreApp } from '@grafana/data';
import { screen, waitFor } from '@testing-library/react';

import { fakeTemplateSrv } from '../testing/fakes';
import { choose, lastQuery, onChange, show, type, user } from '../testing/queryEditorPage';

jest.mock('@grafana/runtime', () => ({
  ...jest.requireActual('@grafana/runtime'),
  getTemplateSrv: () => fakeTemplateSrv({ model: ['llama'] }),
}));

describe('requests', () => {
  test('are filtered, and a value that cannot be read is called that', async () => {
    await show({ queryType: 'requests' });
    await user.click(screen.getByRole('button', { name: 'Filter' }));
    expect(lastQuery().requests?.filters).toEqual([{ column: 'status', op: '!=', value: 'ok' }]);
    await choose('Where', /^ttft/, 'ttft');
    expect(lastQuery().requests?.filters).toEqual([{ column: 'ttft', op: '>', value: '' }]);
    await type('Value', 'soon');
    expect(screen.getByText('A duration such as 500ms, 2s or 1m30s')).toBeInTheDocument();
    await type('Value', '500ms');
    expect(screen.queryByText('A duration such as 500ms, 2s or 1m30s')).not.toBeInTheDocument();
    expect(lastQuery().requests?.filters).toEqual([{ column: 'ttft', op: '>', value: '500ms' }]);
    await user.click(screen.getByRole('button', { name: 'Remove filter' }));
    expect(lastQuery().requests?.filters).toBeUndefined();
  });

  test('are filtered by what a column of text holds', async () => {
    await show(
      { queryType: 'requests', requests: { filters: [{ column: 'caller_service', op: '=', value: '' }] } },
      undefined,
      {
        columnValues: [{ text: 'chat-api', value: 'chat-api', count: 3 }],
      }
    );
    await choose('Value', 'chat-api rows: 3');
    expect(lastQuery().requests?.filters).toEqual([{ column: 'caller_service', op: '=', value: 'chat-api' }]);
  });

  test('are filtered by every status there is, whatever the range has', async () => {
    await show({ queryType: 'requests', requests: { filters: [{ column: 'status', op: '=', value: '' }] } });
    await choose('Value', 'rejected');
    expect(lastQuery().requests?.filters).toEqual([{ column: 'status', op: '=', value: 'rejected' }]);
  });

  test('are filtered by a ratio as people write it', async () => {
    await show({ queryType: 'requests', requests: { filters: [{ column: 'kv_cache_usage', op: '>', value: '' }] } });
    await type('Value', '9o%');
    expect(screen.getByText('A share such as 90% or 0.9')).toBeInTheDocument();
    await type('Value', '90%');
    expect(screen.queryByText('A share such as 90% or 0.9')).not.toBeInTheDocument();
  });

  test('are compared as their column allows', async () => {
    await show({ queryType: 'requests', requests: { filters: [{ column: 'model', op: '=', value: 'x' }] } });
    await user.click(screen.getByLabelText('Comparison', { selector: 'input' }));
    const offered = (await screen.findAllByRole('option')).map((option) => option.textContent);
    expect(offered).toEqual(['=', '!=', '=~', '!~', 'is not known', 'is known']);
  });

  test('are sorted', async () => {
    await show({ queryType: 'requests' });
    await choose('Sort by', /^ttft/, 'ttft');
    expect(lastQuery().requests?.sort).toEqual({ column: 'ttft', desc: true });
    await user.click(screen.getByLabelText('Smallest first'));
    expect(lastQuery().requests?.sort).toEqual({ column: 'ttft', desc: false });
  });

  test('are limited when the field is left, not while it is typed', async () => {
    await show({ queryType: 'requests' });
    await user.type(screen.getByLabelText('Limit'), '250');
    expect(onChange).not.toHaveBeenCalled();
    await user.tab();
    expect(lastQuery().requests?.limit).toBe(250);
    await user.clear(screen.getByLabelText('Limit'));
    await user.tab();
    expect(lastQuery().requests?.limit).toBeUndefined();
  });

  test('are narrowed to live values and to variables', async () => {
    await show({ queryType: 'requests' });
    await choose('Models', 'qwen');
    expect(lastQuery().scope).toEqual({ models: ['qwen'] });
    await user.click(await screen.findByRole('option', { name: /\$model/ }));
    expect(lastQuery().scope).toEqual({ models: ['qwen', '$model'] });
  });

  test('are narrowed by what was typed and entered, whatever the menu has at hand', async () => {
    await show({ queryType: 'requests' });
    await user.click(screen.getByLabelText('Models', { selector: 'input' }));
    await user.hover(await screen.findByRole('option', { name: 'llama' }));
    await user.paste('gpt-.*');
    await user.keyboard('{Enter}');
    expect(lastQuery().scope).toEqual({ models: ['gpt-.*'] });
    await user.keyboard('{Enter}');
    expect(onChange).toHaveBeenCalledTimes(1);
  });

  test('are narrowed by the option that was clicked or that arrow keys went to, not by what was searched for', async () => {
    await show({ queryType: 'requests' });
    await choose('Models', 'qwen', 'qw');
    await user.click(document.body);
    expect(lastQuery().scope).toEqual({ models: ['qwen'] });
    await user.click(screen.getByLabelText('Models', { selector: 'input' }));
    await user.paste('lla');
    await waitFor(() => {
      const offered = screen.getAllByRole('option').map(({ textContent }) => textContent);
      expect(offered).toEqual([expect.stringMatching(/^lla[^m]/), 'llama']);
    });
    await user.keyboard('{ArrowDown}{ArrowDown}{Enter}');
    expect(lastQuery().scope).toEqual({ models: ['qwen', 'llama'] });
  });

  test('are narrowed by other places when asked for', async () => {
    await show({ queryType: 'requests' });
    expect(screen.queryByLabelText('Pods')).not.toBeInTheDocument();
    await choose('Narrow by', 'Pods');
    expect(screen.getByLabelText('Pods')).toBeInTheDocument();
  });
});

describe('a request', () => {
  const recent = {
    slowest: [
      { requestId: 'chatcmpl-7', traceId: 'ab12', time: 0, model: 'llama', status: 'ok', e2e: 83.2 },
      { requestId: 'chatcmpl-7', time: 1, status: 'ok', e2e: 70 },
    ],
    failed: [{ clientRequestId: 'mine', time: 60_000, status: 'aborted' }],
  };

  test('is chosen among the slowest and the failed ones, which say what they are', async () => {
    await show({ queryType: 'request' }, CoreApp.Explore, { recent });
    await user.click(screen.getByLabelText('Id'));
    const offered = (await screen.findAllByRole('option')).map((option) => option.textContent);
    expect(offered).toEqual([
      'chatcmpl-71m23s · ok · llama · 1970-01-01 00:00:00',
      'mineaborted · 1970-01-01 00:01:00',
      '$modelvariable',
    ]);
    expect(screen.getByText('Slowest')).toBeInTheDocument();
    await user.click(screen.getByRole('option', { name: /mine/ }));
    expect(lastQuery()).toMatchObject({ queryType: 'request', request: { id: 'mine' } });
  });

  test('is found by what its option says', async () => {
    await show({ queryType: 'request' }, CoreApp.Explore, { recent });
    await user.click(screen.getByLabelText('Id'));
    await user.paste('llama 1m23');
    expect(await screen.findByRole('option', { name: /chatcmpl-7/ })).toBeInTheDocument();
    await waitFor(() => expect(screen.queryByRole('option', { name: /mine/ })).not.toBeInTheDocument());
  });

  test.each(['{Enter}', '{Tab}'])('is found by an id that is typed, and %s', async (key) => {
    await show({ queryType: 'request' }, CoreApp.Explore, { recent });
    await user.click(screen.getByLabelText('Id'));
    await user.paste(' chatcmpl-99 ');
    await user.keyboard(key);
    expect(lastQuery()).toMatchObject({ queryType: 'request', request: { id: 'chatcmpl-99' } });
  });

  test.each(['{Enter}', '{Tab}'])(
    'is the one that was typed, and %s, while the menu still shows others',
    async (key) => {
      await show({ queryType: 'request' }, CoreApp.Explore, { recent });
      await user.click(screen.getByLabelText('Id'));
      await screen.findByRole('option', { name: /chatcmpl-7/ }); // stands above it
      await user.paste('mine');
      await user.keyboard(key);
      expect(lastQuery()).toMatchObject({ request: { id: 'mine' } });
      expect(onChange).toHaveBeenCalledTimes(1);
      await waitFor(() => expect(screen.queryByRole('option')).not.toBeInTheDocument());
      expect(screen.getByLabelText('Id')).toHaveValue('mine');
    }
  );

  test('is the one that arrow keys went to', async () => {
    await show({ queryType: 'request' }, CoreApp.Explore, { recent });
    await user.click(screen.getByLabelText('Id'));
    await user.paste('m'); // offered as it is, above what it finds
    await screen.findByRole('option', { name: /chatcmpl-7/ });
    await user.keyboard('{ArrowDown}{Enter}');
    expect(lastQuery()).toMatchObject({ request: { id: 'chatcmpl-7' } });
    await choose('Id', /mine/);
    expect(lastQuery()).toMatchObject({ request: { id: 'mine' } });
  });

  test('is found by an id that is typed, and left by a click elsewhere', async () => {
    await show({ queryType: 'request' });
    await user.click(screen.getByLabelText('Id'));
    await user.paste('chatcmpl-99');
    await user.click(document.body);
    expect(lastQuery()).toMatchObject({ request: { id: 'chatcmpl-99' } });
    expect(onChange).toHaveBeenCalledTimes(1);
  });

  test('cannot be offered when a store is down, and the field says so', async () => {
    await show({ queryType: 'request' }, CoreApp.Explore, { recent: new Error('Jaeger cannot be reached') });
    await user.click(screen.getByLabelText('Id'));
    expect(await screen.findByText('Jaeger cannot be reached')).toBeInTheDocument();
  });

  test("'s trace is chosen by its trace id, and one that is none is called that", async () => {
    await show({ queryType: 'trace' }, CoreApp.Explore, { recent });
    await choose('Trace id', /ab12/);
    expect(lastQuery().trace).toEqual({ traceId: 'ab12' });
    await user.click(screen.getByLabelText('Trace id'));
    await user.paste('chatcmpl-7');
    await user.keyboard('{Enter}');
    expect(screen.getByText(/up to 32 hexadecimal digits/)).toBeInTheDocument();
  });
});

describe('logs', () => {
  const openOptions = () => user.click(screen.getByRole('button', { name: /^Options/ }));

  test('are searched', async () => {
    await show({ queryType: 'logs' });
    await choose('Levels', 'error');
    await user.keyboard('{Escape}');
    await type('Contains', 'out of memory');
    expect(screen.getByRole('button', { name: /Newest first.*Limit: 1000/ })).toBeInTheDocument();
    await openOptions();
    await user.click(screen.getByLabelText('Oldest first'));
    expect(lastQuery().logs).toEqual({ levels: ['error'], contains: 'out of memory', oldest: true });
    await user.click(screen.getByLabelText('Volume'));
    expect(lastQuery().logs).toMatchObject({ volume: true });
    expect(screen.queryByLabelText('Limit')).not.toBeInTheDocument();
  });

  test('are those of a process and a file that write some', async () => {
    await show({ queryType: 'logs' }, CoreApp.Explore, {
      writers: { processes: ['EngineCore_DP0'], loggers: ['core.py'] },
    });
    await openOptions();
    await choose('Process', 'EngineCore_DP0');
    await choose('Logger', 'core.py');
    expect(lastQuery().logs).toEqual({ process: 'EngineCore_DP0', logger: 'core.py' });
  });
});

describe('a share of requests', () => {
  test('is what an alert rule compares: by filters and places, without order or limit', async () => {
    await show({ queryType: 'requests' }, CoreApp.UnifiedAlerting);
    expect(screen.queryByLabelText('Sort by')).not.toBeInTheDocument();
    expect(screen.queryByLabelText('Table')).not.toBeInTheDocument();
    await choose('Share by', 'instance');
    expect(lastQuery().requests).toEqual({
      filters: [{ column: 'unaccounted', op: '>', value: '1s' }],
      form: 'numeric',
      groupBy: ['instance'],
    });
  });

  test('or their number, which a rule compares beside it', async () => {
    await show({ queryType: 'requests' }, CoreApp.UnifiedAlerting);
    await user.click(screen.getByLabelText('Count', { selector: 'input[type=radio]' }));
    expect(lastQuery().requests?.metric).toBe('passed');
    await user.click(screen.getByLabelText('Share', { selector: 'input[type=radio]' }));
    expect(lastQuery().requests?.metric).toBeUndefined();
  });

  test('needs a filter, and goes back to a table', async () => {
    await show({ queryType: 'requests', requests: { form: 'timeseries' } });
    expect(screen.getByText('A share of all requests is always 100 %: add a filter')).toBeInTheDocument();
    await user.click(screen.getByLabelText('Table', { selector: 'input[type=radio]' }));
    expect(lastQuery().requests?.form).toBeUndefined();
    expect(screen.getByLabelText('Sort by')).toBeInTheDocument();
  });
});
