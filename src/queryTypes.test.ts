import model from './query.generated.json';
import { columns, opsOf } from './queryTypes';

test('each type of column takes the comparisons that Go names', () => {
  expect([...new Set(model.columns.map(({ type }) => type))].sort()).toEqual(Object.keys(model.ops).sort());
  for (const { type } of columns) {
    expect(opsOf(type)).toEqual(model.ops[type]);
  }
});
