import { existsSync, readdirSync, readFileSync } from 'fs';
import { dirname, join, relative, resolve } from 'path';
import { preProcessFile } from 'typescript';

/** The modules of src that each module imports, types included. */
function importsOf(dir: string): Map<string, string[]> {
  const files = readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((file) => /\.tsx?$/.test(file));
  return new Map(
    files.map((file) => {
      const path = join(dir, file);
      const local = preProcessFile(readFileSync(path, 'utf8')).importedFiles.filter(({ fileName }) =>
        fileName.startsWith('.')
      );
      const found = local.flatMap(({ fileName }) =>
        ['', '.ts', '.tsx'].map((end) => resolve(dirname(path), fileName) + end).filter(existsSync)
      );
      return [relative(dir, path), found.map((target) => relative(dir, target))];
    })
  );
}

/** One path that ends where it begins, or nothing. */
function circle(graph: Map<string, string[]>): string[] | undefined {
  const done = new Set<string>();
  const from = (module: string, path: string[]): string[] | undefined => {
    if (path.includes(module)) {
      return [...path.slice(path.indexOf(module)), module];
    }
    if (done.has(module)) {
      return undefined;
    }
    const found = (graph.get(module) ?? []).map((next) => from(next, [...path, module])).find(Boolean);
    done.add(module);
    return found;
  };
  return [...graph.keys()].map((module) => from(module, [])).find(Boolean);
}

const graph = importsOf(__dirname);

test('a circle of imports is found', () => {
  expect(
    circle(
      new Map([
        ['a', ['b']],
        ['b', ['c', 'd']],
        ['c', []],
        ['d', ['b']],
      ])
    )
  ).toEqual(['b', 'd', 'b']);
});

test('no module imports itself through others', () => {
  expect(graph.get('module.ts')).toContain('datasource.ts');
  expect(circle(graph)).toBeUndefined();
});

test('only tests import src/testing', () => {
  const importers = [...graph].filter(([, targets]) => targets.some((target) => target.startsWith('testing/')));
  expect(importers.map(([file]) => file).filter((file) => !/\.test\.tsx?$|^testing\//.test(file))).toEqual([]);
});
