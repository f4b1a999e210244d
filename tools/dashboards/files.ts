import { readdirSync, readFileSync } from 'fs';
import { join } from 'path';

import { boards } from './boards';

/** Where Grafana, the plugin's build and kustomize read dashboards from. */
export const folder = join(__dirname, '../../dashboards');

/** What the folder must hold: text by file name. */
export const wanted: Record<string, string> = Object.fromEntries(
  boards.map((board) => [`${board.uid}.json`, `${JSON.stringify(board, null, 2)}\n`])
);

/** What it holds of these: kustomize's own file beside them is not the generator's. */
export function present(): Record<string, string> {
  const names = readdirSync(folder).filter((name) => name.endsWith('.json'));
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}
