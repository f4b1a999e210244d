import { FieldType, toDataFrame } from '@grafana/data';

import { withoutLoneHeadings } from './emptyTable';

const frame = (values: string[]) =>
  toDataFrame({ meta: { notices: [] }, fields: [{ name: 'title', type: FieldType.string, values }] });

test('a table without rows has no headings either, and keeps what was said about it', () => {
  const [empty, full] = withoutLoneHeadings({ data: [frame([]), frame(['Server restarted'])] }).data;
  expect(empty).toMatchObject({ fields: [], length: 0, meta: { notices: [] } });
  expect(full.fields).toHaveLength(1);
});
