import { migrateQuery } from './migrations';

test('a query without version and kind means requests of version 1', () => {
  expect(migrateQuery({ refId: 'A' })).toEqual({ refId: 'A', version: 1, queryType: 'requests' });
});

test('a query of this version is the same object, so that an editor does not see a change', () => {
  const query = { refId: 'A', version: 1, queryType: 'logs' as const };
  expect(migrateQuery(query)).toBe(query);
});

test('a query of a newer version is left alone, for the backend to refuse', () => {
  const query = { refId: 'A', version: 99 };
  expect(migrateQuery(query)).toBe(query);
});
