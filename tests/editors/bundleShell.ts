import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { webpack } from 'webpack';

import config, { folder } from './webpack.config';

const root = join(__dirname, '../..');
const shell = join(__dirname, 'shell');

/** Bundles Grafana's parts of the page, unless neither they nor the shell have changed since. */
export default async function bundleShell() {
  const stamp = join(folder, 'made-from');
  const made = hash([
    join(root, 'package-lock.json'),
    join(root, 'src', 'testing', 'fakes.ts'),
    join(__dirname, 'webpack.config.ts'),
    ...readdirSync(shell).map((name) => join(shell, name)),
  ]);
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === made) {
    return;
  }
  console.log('bundling the page around the editors');
  await new Promise<void>((resolve, reject) => {
    webpack(config, (error, stats) => {
      const problem = error ?? (stats?.hasErrors() && new Error(stats.toString('errors-only')));
      return problem ? reject(problem) : resolve();
    });
  });
  writeFileSync(stamp, made);
}

function hash(files: string[]): string {
  const sum = createHash('sha256');
  for (const file of files) {
    sum.update(file).update(readFileSync(file));
  }
  return sum.digest('hex');
}
