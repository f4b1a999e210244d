import { dateTime, FieldType, TimeRange, toDataFrame } from '@grafana/data';

import { withLinkRange } from './linkRange';

test('a link keeps the time that was seen, and links elsewhere stay', () => {
  const from = dateTime(1000);
  const to = dateTime(2000);
  const range = { from, to, raw: { from: 'now-15m', to: 'now' } } as TimeRange;
  const internal = { query: { refId: 'A' }, datasourceUid: 'vllm', datasourceName: 'vLLM' };
  const elsewhere = { title: 'Runbook', url: 'https://example.org' };
  const frame = toDataFrame({
    fields: [
      {
        name: 'request_id',
        type: FieldType.string,
        values: ['a'],
        config: { links: [{ title: '', url: '', internal }, elsewhere] },
      },
      { name: 'e2e', type: FieldType.number, values: [1] },
    ],
  });
  const [answered] = withLinkRange({ data: [frame] }, range).data;
  expect(answered.fields[0].config.links).toEqual([
    { title: '', url: '', internal: { ...internal, range: { from, to, raw: { from, to } } } },
    elsewhere,
  ]);
  expect(answered.fields[1]).toBe(frame.fields[1]);
  expect(frame.fields[0].config.links?.[0].internal?.range).toBeUndefined();
});
