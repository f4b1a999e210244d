import { readdirSync, readFileSync } from 'fs';
import { join } from 'path';

import { boards } from './boards';

/** Where Grafana, the plugin's build and kustomize read dashboards from. */
export const folder = join(__dirname, '../../dashboards');

/**
 * For deploy/kubernetes: each board as a ConfigMap that Grafana's watcher finds by its label. Kustomize takes files from
 * its own folder only and knows no wildcard; one ConfigMap of all would be most of the 1 MiB that it may hold.
 */
const kustomization = `# For deploy/kubernetes. Written by: npm run dashboards
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
generatorOptions:
  disableNameSuffixHash: true
  labels: {grafana_dashboard: "1"}
  annotations: {grafana_folder: vLLM}
configMapGenerator:
${boards
  .map(({ uid }) => `  - {name: grafana-dashboard-${uid}, files: [${uid}.json]}\n`)
  .sort()
  .join('')}`;

/** What the folder must hold: text by file name. */
export const wanted: Record<string, string> = Object.fromEntries([
  ...boards.map((board) => [`${board.uid}.json`, `${JSON.stringify(board, null, 2)}\n`]),
  ['kustomization.yaml', kustomization],
]);

/** What it holds. */
export function present(): Record<string, string> {
  return Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}
