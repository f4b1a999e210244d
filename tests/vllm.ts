import { expect, test as base } from '@grafana/plugin-e2e';
import type { APIRequestContext, Page, Request } from '@playwright/test';

import plugin from '../plugin.json';
import type { QueryType, VllmQuery } from '../src/queryTypes';

export { expect };

/** What provisioning/datasources/vllm.yml says. */
export const datasource = { type: plugin.id, uid: 'vllm' };
export const range = { from: 'now-15m', to: 'now' };

/**
 * A test in which the plugin must neither throw nor complain in the console.
 *
 * Each test has a session of its own. Grafana replaces the token of a session every ten minutes and tells only the browser
 * that asked, so tests that shared one session were signed out (401) after ten minutes.
 */
export const test = base.extend<{ quiet: void }>({
  storageState: async ({ baseURL, playwright, user }, use) => {
    const client = await playwright.request.newContext({ baseURL });
    const answer = await client.post('/login', { data: user });
    expect(answer.ok(), await answer.text()).toBe(true);
    const state = await client.storageState();
    await client.dispose();
    await use(state);
  },
  quiet: [
    async ({ page }, use) => {
      const complaints: string[] = [];
      page.on('pageerror', ({ message, stack = '' }) => stack.includes(plugin.id) && complaints.push(message));
      page.on('console', (entry) => {
        const ours = entry.location().url.includes(`plugins/${plugin.id}/`) || entry.text().includes(plugin.id);
        if (ours && ['error', 'warning'].includes(entry.type())) {
          complaints.push(`${entry.text()} (${entry.location().url})`);
        }
      });
      await use();
      expect(complaints, 'what the plugin said in the console').toEqual([]);
    },
    { auto: true },
  ],
});

type Row = Record<string, unknown>;

interface Answer {
  results: Record<string, { status?: number; error?: string; frames?: Frame[] }>;
}

export interface Frame {
  schema: { name?: string; fields: Array<{ name: string }>; meta?: { preferredVisualisationType?: string } };
  data: { values: unknown[][] };
}

/** A query as Explore's address takes it. */
export function explore(query: Partial<VllmQuery>): string {
  const pane = { datasource: datasource.uid, queries: [{ refId: 'A', datasource, version: 1, ...query }], range };
  return `/explore?${new URLSearchParams({ schemaVersion: '1', orgId: '1', panes: JSON.stringify({ a: pane }) })}`;
}

/** Waits for the answer to a query of a kind that begins to be asked after this call. One that Grafana cancels is none. */
export async function answered(page: Page, queryType: QueryType): Promise<Frame[]> {
  let answer: Answer | undefined;
  await page.waitForResponse(async (response) => {
    if (asks(response.request(), queryType)) {
      answer = await response.json().catch(() => undefined);
    }
    return answer !== undefined;
  });
  return framesOf(answer);
}

function asks(request: Request, queryType: QueryType): boolean {
  return request.url().includes('/api/ds/query') && queriesOf(request).some((query) => query.queryType === queryType);
}

export function queriesOf(request: Request): VllmQuery[] {
  return request.postDataJSON()?.queries ?? [];
}

function framesOf(answer: Answer | undefined): Frame[] {
  const results = Object.values(answer?.results ?? {});
  expect(results.flatMap(({ error }) => error ?? [])).toEqual([]);
  return results.flatMap(({ frames = [] }) => frames);
}

/** Asks past the browser. */
export async function ask(request: APIRequestContext, query: Partial<VllmQuery>): Promise<Frame[]> {
  const queries = [{ refId: 'A', datasource, version: 1, intervalMs: 15_000, maxDataPoints: 100, ...query }];
  const response = await request.post('/api/ds/query', { data: { ...range, queries } });
  expect(response.ok(), await response.text()).toBe(true);
  const { results }: Answer = await response.json();
  return results.A.frames ?? [];
}

export function rows({ schema, data }: Frame): Row[] {
  return (data.values[0] ?? []).map((_, i) =>
    Object.fromEntries(schema.fields.map(({ name }, field) => [name, data.values[field][i]]))
  );
}

export function rowCount(frames: Frame[]): number {
  return frames.reduce((sum, { data }) => sum + (data.values[0]?.length ?? 0), 0);
}

/** A request that all three stores know. */
export async function someRequest(request: APIRequestContext): Promise<{ id: string; trace: string }> {
  const filters = [{ column: 'signals', op: '=' as const, value: 'trace+logs+metrics' }];
  const [frame] = await ask(request, { queryType: 'requests', requests: { filters, limit: 1 } });
  const [row] = rows(frame);
  return { id: String(row.request_id), trace: String(row.trace_id) };
}

/** The models of the fleet. */
export async function models(request: APIRequestContext): Promise<string[]> {
  const [frame] = await ask(request, { queryType: 'models', models: { form: 'table' } });
  return rows(frame).map(({ model }) => String(model));
}

/** Saves a dashboard of one panel, which can draw anything: which kind of panel fits is the dashboards' affair. */
export async function savePanel(request: APIRequestContext, uid: string, query: Partial<VllmQuery>, time = range) {
  const targets = [{ refId: 'A', datasource, version: 1, ...query }];
  const panel = { id: 1, type: 'timeseries', title: uid, datasource, targets, gridPos: { w: 24, h: 12, x: 0, y: 0 } };
  const dashboard = { uid, title: uid, time, panels: [panel] };
  const saved = await request.post('/api/dashboards/db', { data: { overwrite: true, dashboard } });
  expect(saved.ok(), await saved.text()).toBe(true);
}
