import { params } from './boot';
import React, { ReactNode } from 'react';
import { createRoot } from 'react-dom/client';
import { DataSourceApi, DataSourceInstanceSettings, dateTime, ThemeContext, TimeRange } from '@grafana/data';
import { initPluginTranslations } from '@grafana/i18n';
import {
  BackendSrv,
  config,
  DataSourceSrv,
  EchoSrv,
  setBackendSrv,
  setDataSourceSrv,
  setEchoSrv,
  setTemplateSrv,
  TemplateSrv,
} from '@grafana/runtime';
import { GlobalStyles, PortalContainer } from '@grafana/ui';

import pluginJson from '../../../plugin.json';
import { fakeTemplateSrv } from '../../../src/testing/fakes';
import { backendSrv } from './api';
import { Board, BoardPage, ExplorePage, variablesOf } from './BoardPage';
import { ConfigPage } from './ConfigPage';
import { loadPlugin } from './plugin';
import { QueryPage } from './QueryPage';
import { VariablePage } from './VariablePage';

/**
 * Grafana's place around the editors: it loads the built plugin and mounts one editor of it, chosen by the URL:
 * editor=config|query|annotation|variable, uid= of the data source, theme=dark|light, app= and query= of the query editor.
 * The addresses of dashboards and of Explore show the tables of that dashboard, and the queries that came to Explore.
 */
async function show() {
  setBackendSrv(backendSrv as BackendSrv);
  setEchoSrv({ addEvent: () => {}, addBackend: () => {}, flush: () => {} } as EchoSrv);
  const [, place, page] = document.location.pathname.split('/');
  const board = place === 'd' ? await backendSrv.get<Board>(`/dashboards/${page}.json`) : undefined;
  const variables = board ? variablesOf(board, params) : { model: ['demo'] };
  setTemplateSrv(fakeTemplateSrv(variables) as unknown as TemplateSrv);
  await initPluginTranslations('grafana');

  const uid = params.get('uid') ?? 'vllm';
  const plugin = await loadPlugin();
  const saved = await backendSrv.get<DataSourceInstanceSettings>(`/api/datasources/uid/${uid}`);
  const settings = { ...saved, access: 'proxy', meta: { ...pluginJson, module: '', baseUrl: '' }, readOnly: false };
  const datasource: DataSourceApi = new plugin.DataSourceClass(settings as unknown as DataSourceInstanceSettings);
  datasource.meta = settings.meta as unknown as DataSourceApi['meta'];
  setDataSourceSrv({
    getInstanceSettings: () => settings,
    get: async (wanted?: { uid?: string }) => {
      if (wanted?.uid && wanted.uid !== uid) {
        throw new Error(`the data source ${wanted.uid} is none of this page`);
      }
      return datasource;
    },
  } as unknown as DataSourceSrv);
  const range = rangeOf(await backendSrv.get<{ from: number; to: number }>('/api/range'));

  const query = { Editor: plugin.components.QueryEditor!, datasource, range };

  const pages: Record<string, () => ReactNode> = {
    config: () => <ConfigPage Editor={plugin.components.ConfigEditor!} url={`/api/datasources/uid/${uid}`} />,
    query: () => <QueryPage {...query} />,
    annotation: () => <QueryPage {...query} annotations={datasource.annotations} />,
    variable: () => <VariablePage datasource={datasource} range={range} />,
  };
  if (board) {
    pages.board = () => <BoardPage board={board} variables={variables} range={range} />;
  } else if (place === 'explore') {
    pages.explore = () => <ExplorePage left={params.get('left') ?? ''} range={range} />;
  }
  const name = params.get('editor') ?? (board ? 'board' : place || 'query');
  createRoot(document.getElementById('shell')!).render(
    <ThemeContext.Provider value={config.theme2}>
      <GlobalStyles />
      <main>
        <h1>{name}</h1>
        {pages[name]()}
      </main>
      <PortalContainer />
    </ThemeContext.Provider>
  );
}

function rangeOf({ from, to }: { from: number; to: number }): TimeRange {
  const bounds = { from: dateTime(from), to: dateTime(to) };
  return { ...bounds, raw: bounds };
}

show().catch((error: Error) => {
  document.body.append(`The page cannot be shown: ${error.message}`);
  throw error;
});
