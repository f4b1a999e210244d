import React, { useState } from 'react';
import { CoreApp } from '@grafana/data';
import { render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';

import { fakeDataSource, FakeLists } from './fakes';
import type { VllmQuery } from '../queryTypes';
import { QueryEditor } from '../components/QueryEditor';

/** What the tests of the query editor share: the editor on a page, and a user in front of it. */

export const onChange = jest.fn();
export const onRunQuery = jest.fn();
export const user = userEvent.setup();

beforeEach(() => jest.clearAllMocks());

/** Shows the editor as a page does: what the editor changes comes back as its query. Resolves when the editor is loaded. */
export async function show(
  part: Partial<VllmQuery>,
  app = CoreApp.Explore,
  lists: FakeLists = { values: ['llama', 'qwen'] }
) {
  const datasource = fakeDataSource(lists);
  function Page() {
    const [query, setQuery] = useState<VllmQuery>({ refId: 'A', version: 1, ...part });
    return (
      <QueryEditor
        datasource={datasource}
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
  const page = render(<Page />);
  await waitFor(() => expect(screen.queryByText('Loading…')).not.toBeInTheDocument());
  return page;
}

/** Opens a menu, searches in it when it is long, and takes an option. */
export async function choose(field: string, option: RegExp | string, search = '') {
  await user.click(screen.getByLabelText(field, { selector: 'input' }));
  await user.paste(search);
  await user.click(await screen.findByRole('option', { name: option }));
}

export async function type(field: string, text: string) {
  await user.clear(screen.getByLabelText(field, { selector: 'input' }));
  await user.paste(text);
  await user.keyboard('{Enter}');
}

export function lastQuery(): VllmQuery {
  return onChange.mock.lastCall[0];
}
