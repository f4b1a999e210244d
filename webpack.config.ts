import type { Configuration } from 'webpack';

import grafanaConfig, { type Env } from './.config/webpack/webpack.config.ts';

const kibibyte = 1024;

/** The scaffold's configuration, with limits on what a browser has to load. A larger file fails the build. */
export default async function config(env: Env): Promise<Configuration> {
  return {
    ...(await grafanaConfig(env)),
    performance: {
      hints: env.production ? 'error' : false,
      // module.js, which Grafana loads before it can send the first query.
      maxEntrypointSize: 244 * kibibyte,
      // Any other chunk. The largest is CodeMirror, which only the PromQL editor loads.
      maxAssetSize: 400 * kibibyte,
      assetFilter: (name) => name.endsWith('.js') || name.includes('.js?'),
    },
  };
}
