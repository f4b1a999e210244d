import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from '@playwright/test';

const dist = join(__dirname, '../../dist');

/**
 * What React 19 took away, as it stands in minified code, each with an example of it. Grafana's own react-detect looks for
 * the same; it is not in the registry that this repository can count on.
 */
const gone: Array<[name: string, pattern: RegExp, example: string]> = [
  ['propTypes', /\.propTypes\s*=/, 'e.propTypes={a:n}'],
  ['defaultProps', /\.defaultProps\s*=/, 'e.defaultProps={a:1}'],
  ['contextTypes', /\b(child)?contextTypes\s*=/i, 'e.childContextTypes={a:n}'],
  ['getChildContext', /\bgetChildContext\b/, 'getChildContext(){return{}}'],
  ['createFactory', /\.createFactory\b/, 'r().createFactory(e)'],
  ['findDOMNode', /\bfindDOMNode\b/, 'o().findDOMNode(this)'],
  ['ReactDOM.render', /\(\)\.(render|hydrate)\(/, 'o().render(r,document.getElementById("x"))'],
  ['unmountComponentAtNode', /\bunmountComponentAtNode\b/, 'o().unmountComponentAtNode(e)'],
  ['string refs', /\bref:\s*["'`]/, 'i().createElement("div",{ref:"box"})'],
  ["React's internals", /__SECRET_INTERNALS/, 'i().__SECRET_INTERNALS_DO_NOT_USE_OR_YOU_WILL_BE_FIRED'],
  ['elements made by hand', /Symbol\.for\(["']react\.(transitional\.)?element["']\)/, 'Symbol.for("react.element")'],
];

/** Grafana shares these: a copy of our own would be another React, another theme, another data source service. */
const shared = /node_modules\/(react|react-dom|@grafana\/(ui|data|runtime)|@emotion\/(css|react)|rxjs)\//;

for (const [name, pattern, example] of gone) {
  test(`the bundle does without ${name}`, () => {
    expect(example).toMatch(pattern);
    for (const [file, text] of bundled('.js')) {
      expect(pattern.exec(text)?.[0], file).toBeUndefined();
    }
  });
}

test('the bundle brings no copy of what Grafana shares', () => {
  expect('webpack://x/../node_modules/react/cjs/react-jsx-runtime.production.min.js').toMatch(shared);
  for (const [file, text] of bundled('.js.map')) {
    const { sources }: { sources: string[] } = JSON.parse(text);
    expect(
      sources.filter((source) => shared.test(source)),
      file
    ).toEqual([]);
  }
});

/** What webpack made, by name. */
function bundled(ending: string): Array<[string, string]> {
  const files = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith(ending));
  expect(files).toContain(`module${ending}`);
  return files.map((name) => [name, readFileSync(join(dist, name), 'utf8')]);
}
