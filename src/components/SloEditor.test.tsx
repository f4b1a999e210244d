import React, { useState } from 'react';
import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';

import { Settings } from '../settings';
import { SloLimits } from '../types';
import { SloEditor } from './SloEditor';

const user = userEvent.setup();
let saved: SloLimits[] | undefined;

/** Shows the rows as the settings page does: what is changed comes back. */
function show(slo: SloLimits[] = [], readOnly = false) {
  function Page() {
    const [settings, setSettings] = useState({
      jsonData: { vllm: { slo } },
      readOnly,
    } as Partial<Settings> as Settings);
    saved = settings.jsonData.vllm?.slo;
    return <SloEditor settings={settings} onChange={setSettings} />;
  }
  render(<Page />);
}

const button = (name: string) => screen.getByRole('button', { name });

async function fill(label: string, text: string) {
  await user.click(screen.getByLabelText(label));
  await user.paste(text);
}

test('limits are typed in row by row, and say what is missing', async () => {
  show();
  await user.click(button('Add limits'));
  expect(screen.queryByRole('alert')).not.toBeInTheDocument();
  await fill('TTFT of limits 1', '500');
  expect(screen.getByRole('alert')).toHaveTextContent('Which model?');
  await fill('Model of limits 1', 'qwen');
  expect(screen.getByRole('alert')).toHaveTextContent('A time with its unit');
  await fill('TTFT of limits 1', 'ms');
  expect(screen.queryByRole('alert')).not.toBeInTheDocument();
  expect(saved).toEqual([{ model: 'qwen', ttft: '500ms' }]);
});

test("MLPerf's limits fill in a row, whose model stays", async () => {
  show([{ model: 'my-llama', e2e: '9s' }, {}]);
  await user.click(button('MLPerf preset for limits 1'));
  await user.click(screen.getByRole('menuitem', { name: /^Llama 3.1 8B, interactive/ }));
  expect(saved?.[0]).toEqual({ model: 'my-llama', ttft: '500ms', tpot: '30ms', e2e: '9s' });
  await user.click(button('MLPerf preset for limits 2'));
  await user.click(screen.getByRole('menuitem', { name: /^GPT-OSS 120B, server/ }));
  expect(saved?.[1]).toEqual({ model: '*gpt-oss-120b*', ttft: '3s', tpot: '80ms' });
});

test('rows are tried in an order that can be changed, and taken out', async () => {
  show([
    { model: '*', ttft: '1s' },
    { model: 'qwen', ttft: '2s' },
  ]);
  expect(screen.getByRole('alert')).toHaveTextContent('Never used: row 1 already is for every model');
  expect(button('Try limits 1 earlier')).toBeDisabled();
  await user.click(button('Try limits 2 earlier'));
  expect(screen.queryByRole('alert')).not.toBeInTheDocument();
  await user.click(button('Remove limits 2'));
  expect(saved).toEqual([{ model: 'qwen', ttft: '2s' }]);
});

test('there is an end to the rows', () => {
  show(Array.from({ length: 100 }, () => ({})));
  expect(button('Add limits')).toBeDisabled();
});

test('provisioned limits can be read and no more', () => {
  show([{ model: 'qwen', ttft: '1s' }], true);
  expect(screen.getByLabelText('Model of limits 1')).toBeDisabled();
  expect(screen.queryByRole('button')).not.toBeInTheDocument();
});
