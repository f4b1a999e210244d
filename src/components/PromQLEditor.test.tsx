import React from 'react';
import { EditorView } from '@codemirror/view';
import { act, render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';

import { fakeLists, fakeTemplateSrv } from '../testing/fakes';
import { PromQLSpec } from '../queryTypes';
import { PromQLEditor } from './PromQLEditor';

jest.mock('@grafana/runtime', () => ({
  ...jest.requireActual('@grafana/runtime'),
  getTemplateSrv: () => fakeTemplateSrv({ model: ['llama'] }),
}));

const onChange = jest.fn();
const onRun = jest.fn();
const user = userEvent.setup();

beforeEach(() => jest.clearAllMocks());

/** Shows the editor, waits for its code, and gives what a keyboard would give it: jsdom cannot type into CodeMirror. */
async function show(spec: PromQLSpec) {
  const page = (shown: PromQLSpec) => (
    <PromQLEditor id="q" spec={shown} onChange={onChange} onRun={onRun} lists={fakeLists()} alerting={false} />
  );
  const { container, rerender } = render(page(spec));
  await waitFor(() => expect(container.querySelector('.cm-content')).not.toBeNull());
  const view = EditorView.findFromDOM(container.querySelector<HTMLElement>('.cm-editor')!)!;
  const write = (text: string) =>
    act(() => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } }));
  return { view, write, rerender: (changed: PromQLSpec) => rerender(page(changed)) };
}

test('an expression is sent by Shift-Enter and Ctrl-Enter, and asked again when it is the same', async () => {
  const { write } = await show({ expr: 'up' });
  await user.click(screen.getByLabelText('PromQL expression'));
  await user.keyboard('{Shift>}{Enter}{/Shift}');
  expect(onChange).not.toHaveBeenCalled();
  expect(onRun).toHaveBeenCalledTimes(1);
  write('up == 0');
  expect(onChange).not.toHaveBeenCalled();
  await user.keyboard('{Control>}{Enter}{/Control}');
  expect(onChange).toHaveBeenCalledWith({ expr: 'up == 0' });
});

test('Tab leaves the editor, which sends the expression and says what is wrong with it', async () => {
  const { view, write } = await show({ expr: '' });
  await user.click(screen.getByLabelText('PromQL expression'));
  expect(view.hasFocus).toBe(true);
  write('rate(up)');
  await user.tab();
  expect(screen.getByRole('button', { name: /^Options/ })).toHaveFocus();
  expect(onChange).toHaveBeenCalledWith({ expr: 'rate(up)' });
  expect(await screen.findByText(/expected type matrix/)).toBeInTheDocument();
});

test('an expression that comes from elsewhere replaces what stands there', async () => {
  const { view, rerender } = await show({ expr: 'up' });
  rerender({ expr: 'down' });
  expect(view.state.doc.toString()).toBe('down');
});

test('options are read while they are closed, and changed when they are open', async () => {
  await show({ expr: 'up', legend: '{{pod}}' });
  const options = screen.getByRole('button', { name: /^Options/ });
  expect(options).toHaveTextContent('Legend: {{pod}}Type: RangeMin step: auto');
  expect(options).toHaveAttribute('aria-expanded', 'false');
  await user.click(options);
  await user.click(screen.getByLabelText('Min step'));
  await user.paste('soon');
  await user.tab();
  expect(onChange).toHaveBeenCalledWith({ expr: 'up', legend: '{{pod}}', minStep: 'soon' });
  await user.click(screen.getByLabelText('Instant'));
  expect(onChange).toHaveBeenLastCalledWith({ expr: 'up', legend: '{{pod}}', instant: true });
});
