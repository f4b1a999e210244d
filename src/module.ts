import { DataSourcePlugin } from '@grafana/data';
import { initPluginTranslations } from '@grafana/i18n';

import { lazily } from './components/lazily';
import { QueryEditor } from './components/QueryEditor';
import { VllmDataSource } from './datasource';
import pluginJson from './plugin.json';
import { VllmQuery } from './queryTypes';
import { VllmDataSourceOptions, VllmSecrets } from './types';

/** What most pages do not show is loaded when a page shows it. */
const ConfigEditor = lazily(
  async () => (await import(/* webpackChunkName: "config" */ './components/ConfigEditor')).ConfigEditor
);
const QueryHelp = lazily(async () => (await import(/* webpackChunkName: "help" */ './components/QueryHelp')).QueryHelp);

await initPluginTranslations(pluginJson.id);

export const plugin = new DataSourcePlugin<VllmDataSource, VllmQuery, VllmDataSourceOptions, VllmSecrets>(
  VllmDataSource
)
  .setConfigEditor(ConfigEditor)
  .setQueryEditor(QueryEditor)
  .setQueryEditorHelp(QueryHelp);
