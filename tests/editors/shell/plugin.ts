import * as emotion from '@emotion/css';
import * as data from '@grafana/data';
import * as runtime from '@grafana/runtime';
import * as ui from '@grafana/ui';
import * as i18next from 'i18next';
import * as lodash from 'lodash';
import * as React from 'react';
import * as jsxRuntime from 'react/jsx-runtime';
import * as ReactDOM from 'react-dom';
import * as rxjs from 'rxjs';

import { pluginPath } from './api';

/** What Grafana shares with plugins, of which a plugin must bring no copy of its own. */
const shared: Record<string, unknown> = {
  '@emotion/css': emotion,
  '@grafana/data': data,
  '@grafana/runtime': runtime,
  '@grafana/ui': ui,
  i18next,
  lodash,
  module: { uri: `${pluginPath}/module.js` },
  react: React,
  'react/jsx-runtime': jsxRuntime,
  'react-dom': ReactDOM,
  rxjs,
};

type Plugin = data.DataSourcePlugin<data.DataSourceApi>;
type Module = { plugin: Plugin };

/** Loads the built bundle, an AMD module, as Grafana does. */
export async function loadPlugin(): Promise<Plugin> {
  const module = await new Promise<Module>((resolve, reject) => {
    const define = (needs: string[], factory: (...given: unknown[]) => Module | Promise<Module>) => {
      const missing = needs.filter((name) => !(name in shared));
      if (missing.length) {
        reject(new Error(`the plugin wants what this page does not share: ${missing.join(', ')}`));
        return;
      }
      resolve(factory(...needs.map((name) => shared[name])));
    };
    const script = document.createElement('script');
    Object.assign(window, { define: Object.assign(define, { amd: {} }) });
    script.onerror = () => reject(new Error('the plugin is not built: npm run build'));
    script.onload = () => Object.assign(window, { define: undefined });
    script.src = `${pluginPath}/module.js`;
    document.head.append(script);
  });
  return module.plugin;
}
