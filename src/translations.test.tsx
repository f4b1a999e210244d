import React from 'react';
import { CoreApp } from '@grafana/data';
import { initPluginTranslations } from '@grafana/i18n';
import { render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { readFileSync } from 'fs';
import i18next from 'i18next';

import { catalogue, extract } from '../tools/i18n/extract.cjs';
import { ConfigEditor } from './components/ConfigEditor';
import { QueryEditor } from './components/QueryEditor';
import { VariableQueryEditor } from './components/VariableQueryEditor';
import { fakeDataSource, fakeLists, fakeTemplateSrv } from './testing/fakes';
import plugin from './plugin.json';
import queryModel from './query.generated.json';
import { queryTypes } from './queryTypes';
import { Settings } from './settings';
import settingsModel from './settings.generated.json';
import { stores } from './types';
import { examples, names } from './untranslated';

jest.mock('@grafana/runtime', () => ({
  ...jest.requireActual('@grafana/runtime'),
  getTemplateSrv: () => fakeTemplateSrv({}),
}));

jest.mock('@grafana/ui', () => ({ ...jest.requireActual('@grafana/ui'), CodeEditor: () => null }));

// Grafana's own components ask the same t() for their own texts; those are Grafana's to translate.
jest.mock('@grafana/i18n', () => {
  const real = jest.requireActual('@grafana/i18n');
  const t = (key: string, ...rest: unknown[]) => (key.startsWith('grafana-ui.') ? '⟦Grafana⟧' : real.t(key, ...rest));
  return { ...real, t };
});

interface Texts {
  [key: string]: string | Texts;
}

/** A language in which every text stands in brackets. */
function bracketed(texts: Texts): Texts {
  return Object.fromEntries(
    Object.entries(texts).map(([key, text]) => [key, typeof text === 'string' ? `⟦${text}⟧` : bracketed(text)])
  );
}

/** What is no language: names out of the data, names of products, examples; and the one word of TagsInput's own. */
const dataWords = new Set(
  [queryModel, settingsModel, names, examples].flatMap(words).concat(`${settingsModel.timeoutSeconds.default}s`, 'Add')
);

function words(value: unknown): string[] {
  if (typeof value === 'string') {
    return [value];
  }
  return value && typeof value === 'object' ? Object.values(value).flatMap(words) : [];
}

/** Takes texts of the catalogue out, from the inside: one may stand within another. */
function withoutTexts(said: string): string {
  const rest = said.replace(/⟦[^⟦⟧]*⟧/g, '');
  return rest === said ? said : withoutTexts(rest);
}

/** Everything that the page says, also to a screen reader, and that is in no brackets. */
function untranslated(): string[] {
  const said: string[] = [];
  document.querySelectorAll('body *').forEach((element) => {
    for (const attribute of ['aria-label', 'aria-description', 'placeholder', 'title', 'alt']) {
      said.push(element.getAttribute(attribute) ?? '');
    }
    if (element instanceof HTMLInputElement && element.type === 'text') {
      said.push(element.value);
    }
    if (!['STYLE', 'SCRIPT'].includes(element.tagName)) {
      element.childNodes.forEach((node) => said.push(node.nodeType === Node.TEXT_NODE ? (node.textContent ?? '') : ''));
    }
  });
  const bare = said.map((text) => withoutTexts(text).trim());
  const isData = (text: string) => dataWords.has(text) || /^((p[\d.]+|\d+m?s)(, )?)+$/.test(text);
  return bare.filter((text) => /\p{L}/u.test(text) && !isData(text));
}

const query = { datasource: fakeDataSource(), onChange: jest.fn(), onRunQuery: jest.fn() };

beforeAll(async () => {
  const texts: Texts = JSON.parse(readFileSync(catalogue, 'utf8'));
  await initPluginTranslations(plugin.id);
  i18next.addResourceBundle('en-US', plugin.id, bracketed(texts));
});

test('the English catalogue is what npm run i18n-extract writes', () => {
  expect(readFileSync(catalogue, 'utf8')).toBe(extract());
});

test('every language of plugin.json has its catalogue', () => {
  for (const language of plugin.languages) {
    expect(() => readFileSync(catalogue.replace('en-US', language))).not.toThrow();
  }
});

test('a text that is not in the catalogue is found', () => {
  render(<input aria-label="Not translated" placeholder="chatcmpl-…" />);
  expect(untranslated()).toEqual(['Not translated']);
});

test.each(queryTypes)('the query editor of %s says nothing that is not in the catalogue', async (queryType) => {
  render(<QueryEditor {...query} query={{ refId: 'A', version: 1, queryType }} app={CoreApp.Explore} />);
  expect(screen.getByText('⟦Show⟧')).toBeInTheDocument();
  await waitFor(() => expect(screen.queryByText('⟦Loading…⟧')).not.toBeInTheDocument());
  expect(untranslated()).toEqual([]);
});

test.each(['models', 'requests', 'logs'] as const)(
  'nor does that of %s in an alert rule, nor its menus',
  async (queryType) => {
    render(<QueryEditor {...query} query={{ refId: 'A', version: 1, queryType }} app={CoreApp.UnifiedAlerting} />);
    await userEvent.click(screen.getByLabelText('⟦Show⟧', { selector: 'input' }));
    expect(await screen.findByRole('option', { name: /^⟦Coverage⟧/ })).toBeInTheDocument();
    expect(untranslated()).toEqual([]);
  }
);

test.each(['models', 'labelValues'] as const)('nor the editor of a variable that lists %s', (list) => {
  render(<VariableQueryEditor lists={fakeLists()} onChange={jest.fn()} query={{ refId: 'A', list }} />);
  expect(screen.getByText('⟦List⟧')).toBeInTheDocument();
  expect(untranslated()).toEqual([]);
});

test('nor the config editor, all of it unfolded', () => {
  const store = { auth: 'basic', tls: { serverName: 'x' }, tenant: 'x', headers: ['X-Custom-Header'], labels: {} };
  const jsonData = Object.fromEntries(stores.map((name) => [name, { ...store, url: 'ftp://x' }]));
  const options = {
    jsonData: { ...jsonData, limits: { requests: -1 }, vllm: { slo: [{ model: 'x', ttft: '9s' }], spanName: 'x' } },
    secureJsonFields: {},
    secureJsonData: {},
  };
  render(<ConfigEditor options={options as unknown as Settings} onOptionsChange={jest.fn()} />);
  expect(screen.getByText('⟦It begins with grpc:// or, with TLS, grpcs://⟧')).toBeInTheDocument();
  expect(untranslated().filter((text) => !['x', '9s', 'ftp://x'].includes(text))).toEqual([]);
});
