import AxeBuilder from '@axe-core/playwright';

import { queryTypes, VllmQuery } from '../../src/queryTypes';
import { stores } from '../../src/types';
import { EditorPage, expect, test, themes } from './fixtures';

/** What is excused: rule and element, both of components that are not ours, each with why we cannot avoid it. */
const upstream: Array<{ rule: string; element: RegExp }> = [
  // @grafana/ui's Combobox and MultiCombobox, while their menu is open. It is drawn at the end of the page,
  { rule: 'region', element: /combobox-menu/ },
  // its list of options has a scrolling box in between that takes the focus,
  { rule: 'aria-required-children', element: /combobox-menu/ },
  // its options have other ids than the one that the input names as the current,
  { rule: 'aria-valid-attr-value', element: /aria-activedescendan/ },
  // and the description of the current option is grey on grey in the dark theme.
  { rule: 'color-contrast', element: /combobox-option-description/ },
];

/** Each kind with as many of its parts open as it has. */
const full: Record<string, Partial<VllmQuery>> = {
  requests: {
    requests: {
      filters: [
        { column: 'model', op: '=~', value: 'Llama.*' },
        { column: 'ttft', op: '>', value: 'soon' },
      ],
    },
    scope: { models: ['$model', 'llama'], pods: ['vllm-0'] },
  },
  request: { request: { id: 'chatcmpl-7', show: ['summary'] } },
  models: { models: { form: 'numeric', metrics: ['ttft'], quantiles: [0.99], groupBy: ['instance'] } },
  slo: { slo: { form: 'numeric', metrics: ['burn_rate'], target: 0.999, groupBy: ['instance'] } },
  logs: { logs: { levels: ['error'], contains: 'memory', limit: 10 } },
  trace: { trace: { traceId: 'not one' } },
  coverage: { coverage: { form: 'numeric', metric: 'explained_ratio' } },
  promql: { promql: { expr: 'up', minStep: 'soon' } },
};

for (const theme of themes) {
  test.describe(`in the ${theme} theme`, () => {
    for (const queryType of queryTypes) {
      test(`an empty and a full query for ${queryType} have no violation`, async ({ editor }) => {
        await editor.open({ editor: 'query', theme, query: { queryType } });
        expect(await violations(editor)).toEqual([]);
        await editor.open({ editor: 'query', app: 'panel-editor', theme, query: { queryType, ...full[queryType] } });
        expect(await violations(editor)).toEqual([]);
      });
    }

    test('an open menu has no violation', async ({ editor }) => {
      await editor.open({ editor: 'query', theme });
      await editor.menu('Show').click();
      await expect(editor.page.getByRole('option').first()).toBeVisible();
      expect(await violations(editor)).toEqual([]);
    });

    test('an alert rule has no violation, nor has a query that it cannot use', async ({ editor }) => {
      await editor.open({ editor: 'query', app: 'unified-alerting', theme });
      expect(await violations(editor)).toEqual([]);
      await editor.open({ editor: 'query', app: 'unified-alerting', theme, query: { queryType: 'requests' } });
      expect(await violations(editor)).toEqual([]);
    });

    test('new settings and full ones have no violation', async ({ editor }) => {
      await editor.open({ editor: 'config', theme, uid: `new-${theme}` });
      expect(await violations(editor)).toEqual([]);
      await editor.saveSettings(`full-${theme}`, fullSettings());
      await editor.open({ editor: 'config', theme, uid: `full-${theme}` });
      await expect(editor.page.getByRole('alert').first()).toBeVisible();
      expect(await violations(editor)).toEqual([]);
    });

    test('the report of a test has no violation', async ({ editor }) => {
      await editor.open({ editor: 'config', theme });
      await editor.page.getByLabel('Scrape interval').press('Enter');
      await expect(editor.page.getByRole('region', { name: 'What the test found' })).toBeVisible();
      expect(await violations(editor)).toEqual([]);
    });

    test('the editors of a variable and of an annotation have no violation', async ({ editor }) => {
      await editor.open({ editor: 'variable', theme });
      expect(await violations(editor)).toEqual([]);
      await editor.open({ editor: 'annotation', theme });
      expect(await violations(editor)).toEqual([]);
    });
  });
}

test('a field without a label would be seen', async ({ editor }) => {
  await editor.open({ editor: 'query' });
  await editor.page.locator('label').evaluateAll((labels) => labels.forEach((label) => label.remove()));
  expect((await violations(editor)).map(({ rule }) => rule)).toContain('label');
});

/** In the page itself: the other way, which pages with frames of other origins need, opens a tab for each report. */
async function violations({ page }: EditorPage) {
  const axe = new AxeBuilder({ page }).setLegacyMode().options({ resultTypes: ['violations'] });
  const found = (await axe.analyze()).violations;
  return found.flatMap(({ id: rule, nodes }) =>
    nodes
      .filter(({ html }) => !upstream.some((excused) => excused.rule === rule && excused.element.test(html)))
      .map(({ html, failureSummary }) => ({ rule, html, failureSummary }))
  );
}

/** Every part is open, every kind of problem shows, and every secret is saved. */
function fullSettings() {
  const store = {
    url: 'ftp://nowhere',
    auth: 'basic',
    basicAuthUser: 'reader',
    tls: { serverName: 'store' },
    tenant: 'team',
    headers: ['X-One'],
    timeout: 'soon',
    labels: { pod: 'no label' },
  };
  const secrets = ['BasicAuthPassword', 'TLSCACert', 'TLSClientCert', 'TLSClientKey', 'HeaderValue1'];
  return {
    jsonData: {
      ...Object.fromEntries(stores.map((name) => [name, store])),
      vllm: {
        scrapeInterval: '1h',
        engineServices: ['vllm'],
        metricPrefix: ' ',
        slo: [{ model: '*', ttft: '500' }, {}],
      },
      limits: { requests: 1 },
    },
    secureJsonData: Object.fromEntries(stores.flatMap((name) => secrets.map((secret) => [name + secret, 'x']))),
  };
}
