// Writes the English catalogue, src/locales/en-US/<plugin id>.json: npm run i18n-extract.
//
// It holds every t('key', 'English') of src, and the descriptions that Go gives figures and columns, which
// src/describe.ts looks up by name. What a translator could not rely on is an error: a key or a text that is
// computed, a key without its text, one key for two texts.

const fs = require('node:fs');
const path = require('node:path');
const ts = require('typescript');

const root = path.join(__dirname, '..', '..');
const source = path.join(root, 'src');
const { id } = JSON.parse(fs.readFileSync(path.join(root, 'plugin.json'), 'utf8'));
const catalogue = path.join(source, 'locales', 'en-US', `${id}.json`);

/** The catalogue as it must be. */
function extract() {
  const texts = new Map();
  const add = (key, text, where) => {
    if (texts.has(key) && texts.get(key) !== text) {
      throw new Error(`${where}: ${key} says "${text}" here and "${texts.get(key)}" elsewhere`);
    }
    texts.set(key, text);
  };
  for (const file of sourceFiles(source)) {
    collect(file, add);
  }
  const model = JSON.parse(fs.readFileSync(path.join(source, 'query.generated.json'), 'utf8'));
  model.figures.forEach(({ name, help }) => add(`figure.${name}`, help, 'figures'));
  model.sloFigures.forEach(({ name, help }) => add(`slo-figure.${name}`, help, 'sloFigures'));
  model.columns.forEach(({ name, description }) => add(`column.${name}`, description, 'columns'));
  model.coverageMetrics.forEach(({ name, description }) =>
    add(`coverage-metric.${name}`, description, 'coverageMetrics')
  );
  model.events.forEach(({ name, description }) => add(`event.${name}`, description, 'events'));
  return JSON.stringify(nested(texts), null, 2) + '\n';
}

function sourceFiles(dir) {
  return fs.readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    const file = path.join(dir, entry.name);
    if (entry.isDirectory()) {
      return entry.name === 'testing' ? [] : sourceFiles(file);
    }
    return /\.tsx?$/.test(file) && !/\.test\.tsx?$/.test(file) && entry.name !== 'describe.ts' ? [file] : [];
  });
}

function collect(file, add) {
  const tree = ts.createSourceFile(file, fs.readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
  const visit = (node) => {
    if (ts.isCallExpression(node) && ts.isIdentifier(node.expression) && node.expression.text === 't') {
      const line = tree.getLineAndCharacterOfPosition(node.getStart()).line + 1;
      const where = `${path.relative(root, file)}:${line}`;
      const [key, text, values] = node.arguments;
      add(literal(key, where), literal(text, where), where);
      if (values && /\bcount\b/.test(values.getText())) {
        throw new Error(`${where}: i18next wants a key per plural form for "count": call it otherwise`);
      }
    }
    if (ts.isJsxOpeningLikeElement(node) && node.tagName.getText() === 'Trans') {
      throw new Error(`${path.relative(root, file)}: only t() is read; let this script learn <Trans> first`);
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
}

function literal(node, where) {
  if (node && ts.isStringLiteralLike(node)) {
    return node.text;
  }
  throw new Error(`${where}: t() wants a key and its English, both written out`);
}

/** i18next reads a dot in a key as a step down. */
function nested(texts) {
  const tree = {};
  for (const key of [...texts.keys()].sort()) {
    const steps = key.split('.');
    const last = steps.pop();
    const at = steps.reduce((node, step) => {
      node[step] ??= {};
      return node[step];
    }, tree);
    if (typeof at !== 'object' || last in at) {
      throw new Error(`${key}: a key cannot be both a text and the beginning of others`);
    }
    at[last] = texts.get(key);
  }
  return tree;
}

module.exports = { catalogue, extract };

if (require.main === module) {
  fs.mkdirSync(path.dirname(catalogue), { recursive: true });
  fs.writeFileSync(catalogue, extract());
}
