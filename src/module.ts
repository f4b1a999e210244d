import { DataSourcePlugin } from '@grafana/data';
import { initPluginTranslations } from '@grafana/i18n';

import { ConfigEditor } from './components/ConfigEditor';
import { QueryEditor } from './components/QueryEditor';
import { QueryHelp } from './components/QueryHelp';
import { VllmDataSource } from './datasource';
import pluginJson from './plugin.json';
import { VllmQuery } from './queryTypes';
import { VllmDataSourceOptions, VllmSecrets } from './types';

await initPluginTranslations(pluginJson.id);

export const plugin = new DataSourcePlugin<VllmDataSource, VllmQuery, VllmDataSourceOptions, VllmSecrets>(
  VllmDataSource
)
  .setConfigEditor(ConfigEditor)
  .setQueryEditor(QueryEditor)
  .setQueryEditorHelp(QueryHelp);
