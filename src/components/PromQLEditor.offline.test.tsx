import React from 'react';
import { render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';

import { fakeLists, fakeTemplateSrv } from '../testing/fakes';
import { PromQLEditor } from './PromQLEditor';

jest.mock('@grafana/runtime', () => ({
  ...jest.requireActual('@grafana/runtime'),
  getTemplateSrv: () => fakeTemplateSrv({}),
}));

jest.mock('./promql/PromQLCode', () => {
  throw new Error('Loading chunk promql failed');
});

test('where the editor for code cannot be loaded, a plain field does its work', async () => {
  jest.spyOn(console, 'error').mockImplementation(); // React tells of the failure before it is caught
  const onChange = jest.fn();
  const onRun = jest.fn();
  const user = userEvent.setup();
  render(
    <PromQLEditor id="q" spec={{ expr: '' }} onChange={onChange} onRun={onRun} lists={fakeLists()} alerting={false} />
  );
  await waitFor(() => expect(screen.getByLabelText('PromQL expression')).not.toHaveAttribute('readonly'));
  await user.click(screen.getByLabelText('PromQL expression'));
  await user.paste('up');
  expect(onChange).not.toHaveBeenCalled();
  await user.keyboard('{Control>}{Enter}{/Control}');
  expect(onChange).toHaveBeenCalledWith({ expr: 'up' });
});
