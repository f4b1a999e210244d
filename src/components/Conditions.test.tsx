import React from 'react';
import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';

import { Condition } from '../queryTypes';
import { Conditions } from './Conditions';

const conditions: Condition[] = [
  { key: 'pod', op: '!=', values: ['a', 'b'] },
  { key: 'engine', op: '=~', values: ['[01]'] },
];

test('conditions are seen, and each can be taken away', async () => {
  const onChange = jest.fn();
  const { rerender } = render(<Conditions label="And" conditions={conditions} onChange={onChange} />);
  await userEvent.click(screen.getByText('pod != a, b'));
  expect(onChange).toHaveBeenLastCalledWith([conditions[1]]);
  rerender(<Conditions label="And" conditions={[conditions[1]]} onChange={onChange} />);
  await userEvent.click(screen.getByText('engine =~ [01]'));
  expect(onChange).toHaveBeenLastCalledWith(undefined);
});

test('without conditions there is nothing', () => {
  const { container } = render(<Conditions label="And" conditions={undefined} onChange={jest.fn()} />);
  expect(container).toBeEmptyDOMElement();
});
