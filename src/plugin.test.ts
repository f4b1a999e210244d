import { lstatSync, readFileSync } from 'fs';
import { join } from 'path';

import plugin from './plugin.json';

const root = join(__dirname, '..');

describe('plugin.json', () => {
  test('is one file, linked from src', () => {
    expect(lstatSync(join(root, 'src/plugin.json')).isSymbolicLink()).toBe(true);
    expect(JSON.parse(readFileSync(join(root, 'plugin.json'), 'utf8'))).toEqual(plugin);
  });

  test('has the id and the executable that the backend has', () => {
    expect(readFileSync(join(root, 'pkg/main.go'), 'utf8')).toContain(`datasource.Manage("${plugin.id}"`);
    expect(readFileSync(join(root, 'pkg/main.go'), 'utf8')).toContain(`Command ${plugin.executable} `);
  });
});
