import type { DataFrameJSON } from '@grafana/data';
import type { Locator, Page } from '@playwright/test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { VllmQuery } from '../../src/queryTypes';
import { EditorPage, expect, test } from './fixtures';

const root = join(__dirname, '../..');
const hostile: string[] = JSON.parse(readFileSync(join(root, 'tools/links/hostile.json'), 'utf8'));

/** One of each kind: JSON, parameters, markup, Grafana's variables, controls. src/links.test.ts tries all of them. */
const kinds = [/"queries"/, /&var-/, /^<\/script/, /^\$\{datasource/, /\0/];
const tried = kinds.map((kind) => hostile.find((text) => kind.test(text))!);

/** A request whose client wrote its id and its model, as the backend gives it: the golden frame with that text in its cells. */
function requestsOf(said: string): DataFrameJSON {
  const text = readFileSync(join(root, 'pkg/frames/testdata/requests.jsonc'), 'utf8').replace(/^\/\/.*$/gm, '');
  const [frame]: DataFrameJSON[] = JSON.parse(text).frames;
  const columns = ['request_id', 'model', 'instance'];
  const fields = frame.schema!.fields.filter(({ name }) => columns.includes(name));
  const { custom: _, ...meta } = frame.schema!.meta ?? {};
  return { schema: { ...frame.schema, meta, fields }, data: { values: fields.map(() => [said]) } };
}

/** A query, and the page that asked it. */
interface Asked {
  by: string;
  query: VllmQuery;
}

/** Answers every query with that one request, and keeps what was asked. */
async function answering(page: Page, said: string): Promise<Asked[]> {
  const asked: Asked[] = [];
  await page.route('**/api/ds/query*', async (route) => {
    const { queries }: { queries: VllmQuery[] } = route.request().postDataJSON();
    const by = new URL(route.request().frame().url()).pathname;
    asked.push(...queries.map((query) => ({ by, query })));
    const results = Object.fromEntries(
      queries.map(({ refId }) => [refId, { status: 200, frames: [requestsOf(said)] }])
    );
    await route.fulfill({ json: { results } });
  });
  return asked;
}

/** What opens when somebody clicks a link of the table of the slowest requests, and what is asked there. */
async function follow({ page }: EditorPage, said: string, link: Locator, opens: string) {
  const asked = await answering(page, said);
  await page.goto('/d/vllm-requests?from=1000&to=2000');
  await link.click();
  await expect(page.getByRole('heading', { level: 1, name: opens })).toBeVisible();
  const url = new URL(page.url());
  const there = () => asked.filter(({ by }) => by === url.pathname).map(({ query }) => query);
  await expect.poll(() => there().length).toBeGreaterThan(0);
  await page.unroute('**/api/ds/query*');
  return { url, asked: there() };
}

/** The links of a cell: first those of the dashboard's file, then those of the answer, which lead to Explore. */
function linksOf({ page }: EditorPage, column: string): Locator {
  return page.getByRole('region', { name: 'Slowest requests' }).getByRole('link', { name: new RegExp(`^${column}: `) });
}

const sources = (queries: VllmQuery[]) => [...new Set(queries.map(({ datasource }) => datasource?.uid))];

for (const said of tried) {
  test(`a request that its client calls ${JSON.stringify(said)} is opened by a click, and nothing else is`, async ({
    editor,
  }) => {
    test.slow(); // two pages, each with all of Grafana's parts
    const { url, asked } = await follow(editor, said, linksOf(editor, 'request_id').first(), 'board');
    expect([url.pathname, url.hash]).toEqual(['/d/vllm-request', '']);
    expect([...url.searchParams.keys()].sort()).toEqual(['from', 'to', 'var-datasource', 'var-request']);
    expect(url.searchParams.getAll('var-request')).toEqual([said]);
    expect(await editor.shown('Variables')).toEqual({ datasource: 'vllm', request: said });
    expect(sources(asked)).toEqual(['vllm']);
    expect([...new Set(asked.map(({ request }) => request?.id))]).toEqual([said]);
  });
}

const [json] = tried;

test('a link of an answer brings Explore one query, with the text in it as it is', async ({ editor }) => {
  test.slow();
  const { url, asked } = await follow(editor, json, linksOf(editor, 'request_id').last(), 'explore');
  expect([url.pathname, url.hash]).toEqual(['/explore', '']);
  expect([...url.searchParams.keys()]).toEqual(['left']);
  expect(sources(asked)).toEqual(['vllm']);
  expect(asked.map(({ refId, queryType, request }) => ({ refId, queryType, request }))).toEqual([
    { refId: 'A', queryType: 'request', request: { id: json } },
  ]);
});

test('a model that a client made up is the value of one variable', async ({ editor }) => {
  test.slow();
  const { url, asked } = await follow(editor, json, linksOf(editor, 'model').first(), 'board');
  expect(url.pathname).toBe('/d/vllm-model');
  expect(url.searchParams.getAll('var-model')).toEqual([json]);
  expect(sources(asked)).toEqual(['vllm']);
});
