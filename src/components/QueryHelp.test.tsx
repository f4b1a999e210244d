import React from 'react';
import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';

import { fakeDataSource } from '../testing/fakes';
import { columnNamed, figures, queryTypes } from '../queryTypes';
import { queryOf, questions } from '../questions';
import { filterProblem } from './FilterEditor';
import { QueryHelp } from './QueryHelp';

test('an example is asked in the row that the help belongs to', async () => {
  const onClickExample = jest.fn();
  const row = { refId: 'B', queryType: 'promql' as const, promql: { expr: 'up' } };
  render(<QueryHelp datasource={fakeDataSource()} query={row} onClickExample={onClickExample} />);
  await userEvent.setup().click(screen.getByRole('button', { name: /Which requests were slowest/ }));
  expect(onClickExample).toHaveBeenCalledWith({
    refId: 'B',
    version: 1,
    queryType: 'requests',
    requests: { sort: { column: 'e2e', desc: true } },
  });
});

test.each(questions().map((question) => [question.title, question] as const))(
  '%s asks for what there is',
  (_, question) => {
    const { queryType, requests, models } = { requests: undefined, models: undefined, ...queryOf(question) };
    expect(queryTypes).toContain(queryType);
    for (const filter of requests?.filters ?? []) {
      const column = columnNamed(filter.column);
      expect(column && filterProblem(column, filter)).toBeUndefined();
      expect(column).toBeDefined();
    }
    for (const metric of models?.metrics ?? []) {
      expect(figures.map(({ name }) => name)).toContain(metric);
    }
  }
);
