import { readdirSync, readFileSync } from 'fs';
import { join } from 'path';

import { boards } from './boards';

/** Where Grafana and the plugin's build read dashboards from; nothing else may lie there. */
export const folder = join(__dirname, '../../dashboards');

/** What the folder must hold: text by file name. */
export const wanted: Record<string, string> = Object.fromEntries(
  boards.map((board) => [`${board.uid}.json`, `${JSON.stringify(board, null, 2)}\n`])
);

/** What it holds. */
export function present(): Record<string, string> {
  return Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}
