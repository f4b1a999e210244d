import path from 'node:path';
import type { Configuration } from 'webpack';

/** Where tools/editors serves the bundle from. */
export const folder = path.resolve(__dirname, '../../.cache/editors/shell');

/**
 * Grafana's own parts, for the page that mounts the built plugin. The plugin is no part of this bundle: the page loads
 * dist/module.js as Grafana does.
 */
const config: Configuration = {
  mode: 'production',
  devtool: false,
  context: path.join(__dirname, 'shell'),
  entry: { shell: './shell.tsx' },
  output: { path: folder, publicPath: '/shell/', clean: true },
  optimization: { minimize: false },
  performance: { hints: false },
  // Some of Grafana's components bring style sheets.
  experiments: { css: true },
  module: {
    rules: [
      {
        test: /\.tsx?$/,
        exclude: /node_modules/,
        loader: 'swc-loader',
        options: { jsc: { target: 'es2022', parser: { syntax: 'typescript', tsx: true } } },
      },
      // Some of Grafana's packages import files of others without their extension.
      { test: /\.mjs$/, resolve: { fullySpecified: false } },
    ],
  },
  resolve: {
    extensions: ['.tsx', '.ts', '.mjs', '.js'],
    // Grafana's CodeEditor, which no editor of ours uses: nearly half of the bundle.
    alias: { 'monaco-editor': false },
  },
};

export default config;
